// Package line is how a member in Go is told what to do and tells what happens to it (tests/clients/README.md).
package line

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

var writing sync.Mutex

// Arguments are the words name=value of the command line.
func Arguments() map[string]string {
	asked := map[string]string{}
	for _, word := range os.Args[1:] {
		if at := strings.IndexByte(word, '='); at > 0 {
			asked[word[:at]] = word[at+1:]
		}
	}
	return asked
}

// Milliseconds of an argument.
func Milliseconds(text string) time.Duration {
	number, err := strconv.Atoi(text)
	if err != nil {
		Error(err)
		os.Exit(1)
	}
	return time.Duration(number) * time.Millisecond
}

// UntilTold ends when the member is told to leave.
func UntilTold() context.Context {
	ctx, end := context.WithCancel(context.Background())
	go func() {
		bufio.NewReader(os.Stdin).ReadString('\n')
		end()
	}()
	return ctx
}

func tell(fields map[string]interface{}) {
	text, err := json.Marshal(fields)
	if err != nil {
		panic(err)
	}
	writing.Lock()
	defer writing.Unlock()
	os.Stdout.Write(append(text, '\n'))
}

// Partitions tells "assigned" or "revoked".
func Partitions(event string, partitions []int32) {
	if partitions == nil {
		partitions = []int32{}
	}
	tell(map[string]interface{}{"event": event, "partitions": partitions})
}

// Record tells of one.
func Record(partition int32, offset int64, value []byte) {
	tell(map[string]interface{}{"event": "record", "partition": partition, "offset": offset, "value": string(value)})
}

// Committed tells what the broker has acknowledged.
func Committed(offsets map[int32]int64) {
	plain := map[string]int64{}
	for partition, offset := range offsets {
		plain[fmt.Sprint(partition)] = offset
	}
	tell(map[string]interface{}{"event": "committed", "offsets": plain})
}

// Error tells what went wrong.
func Error(err error) {
	tell(map[string]interface{}{"event": "error", "text": err.Error()})
}

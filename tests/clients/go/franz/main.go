// A member of a consumer group: franz-go (tests/clients/README.md says what members do).
package main

import (
	"context"
	"os"
	"strings"
	"time"

	"barnabas.tests/clients/line"
	"github.com/twmb/franz-go/pkg/kgo"
)

var balancers = map[string]func() kgo.GroupBalancer{
	"range":              kgo.RangeBalancer,
	"roundrobin":         kgo.RoundRobinBalancer,
	"sticky":             kgo.StickyBalancer,
	"cooperative-sticky": kgo.CooperativeStickyBalancer,
}

type member struct {
	client  *kgo.Client
	topic   string
	pending bool // records were told that are not committed
}

// commit tries again after the next poll what was refused.
func (m *member) commit(client *kgo.Client) {
	if !m.pending {
		return
	}
	if err := client.CommitUncommittedOffsets(context.Background()); err != nil {
		line.Error(err)
		return
	}
	m.pending = false
	offsets := map[int32]int64{}
	for partition, at := range client.CommittedOffsets()[m.topic] {
		offsets[partition] = at.Offset
	}
	line.Committed(offsets)
}

func (m *member) assigned(_ context.Context, _ *kgo.Client, given map[string][]int32) {
	line.Partitions("assigned", given[m.topic])
}

func (m *member) revoked(_ context.Context, client *kgo.Client, taken map[string][]int32) {
	m.commit(client)
	line.Partitions("revoked", taken[m.topic])
}

func (m *member) lost(_ context.Context, _ *kgo.Client, taken map[string][]int32) {
	line.Partitions("revoked", taken[m.topic])
}

func (m *member) options(asked map[string]string) []kgo.Opt {
	options := []kgo.Opt{
		kgo.SeedBrokers(strings.Split(asked["bootstrap"], ",")...),
		kgo.ConsumerGroup(asked["group"]),
		kgo.ConsumeTopics(m.topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.DisableAutoCommit(),
		kgo.BlockRebalanceOnPoll(),
		kgo.SessionTimeout(line.Milliseconds(asked["session_ms"])),
		kgo.HeartbeatInterval(line.Milliseconds(asked["heartbeat_ms"])),
		kgo.FetchMaxWait(200 * time.Millisecond),
		kgo.MetadataMinAge(100 * time.Millisecond),
		kgo.MetadataMaxAge(2 * time.Second),
		kgo.OnPartitionsAssigned(m.assigned),
		kgo.OnPartitionsRevoked(m.revoked),
		kgo.OnPartitionsLost(m.lost),
	}
	if asked["instance"] != "" {
		options = append(options, kgo.InstanceID(asked["instance"]))
	}
	if asked["assignor"] != "" {
		options = append(options, kgo.Balancers(balancers[asked["assignor"]]()))
	}
	return options
}

func (m *member) poll(told context.Context) {
	ctx, end := context.WithTimeout(told, 200*time.Millisecond)
	defer end()
	m.client.PollFetches(ctx).EachRecord(func(record *kgo.Record) {
		line.Record(record.Partition, record.Offset, record.Value)
		m.pending = true
	})
	m.commit(m.client)
	m.client.AllowRebalance()
}

func main() {
	asked := line.Arguments()
	m := &member{topic: asked["topic"]}
	client, err := kgo.NewClient(m.options(asked)...)
	if err != nil {
		line.Error(err)
		os.Exit(1)
	}
	m.client = client
	for told := line.UntilTold(); told.Err() == nil; {
		m.poll(told)
	}
	client.CloseAllowingRebalance()
}

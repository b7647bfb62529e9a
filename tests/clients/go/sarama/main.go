// A member of a consumer group: sarama (tests/clients/README.md says what members do).
package main

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"time"

	"barnabas.tests/clients/line"
	"github.com/IBM/sarama"
)

var strategies = map[string]func() sarama.BalanceStrategy{
	"range":      sarama.NewBalanceStrategyRange,
	"roundrobin": sarama.NewBalanceStrategyRoundRobin,
	"sticky":     sarama.NewBalanceStrategySticky,
}

type member struct {
	topic, group string
	admin        sarama.ClusterAdmin
	committing   sync.Mutex
}

func (m *member) Setup(session sarama.ConsumerGroupSession) error {
	line.Partitions("assigned", session.Claims()[m.topic])
	return nil
}

func (m *member) Cleanup(session sarama.ConsumerGroupSession) error {
	line.Partitions("revoked", session.Claims()[m.topic])
	return nil
}

func (m *member) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	var last *sarama.ConsumerMessage // told and marked, not committed
	defer func() { m.commit(session, last) }()
	for {
		select {
		case message, open := <-claim.Messages():
			if !open {
				return nil
			}
			line.Record(message.Partition, message.Offset, message.Value)
			session.MarkMessage(message, "")
			last = message
			if len(claim.Messages()) == 0 && m.commit(session, last) {
				last = nil
			}
		case <-session.Context().Done():
			return nil
		}
	}
}

// commit says whether the broker has the offset after this message; it gives up when the session has ended.
func (m *member) commit(session sarama.ConsumerGroupSession, message *sarama.ConsumerMessage) bool {
	if message == nil {
		return true
	}
	m.committing.Lock()
	defer m.committing.Unlock()
	for {
		session.Commit()
		if at := m.committed(message.Partition); at > message.Offset {
			line.Committed(map[int32]int64{message.Partition: at})
			return true
		}
		if session.Context().Err() != nil {
			return false
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// committed asks the broker: sarama does not say whether a commit was acknowledged.
func (m *member) committed(partition int32) int64 {
	found, err := m.admin.ListConsumerGroupOffsets(m.group, map[string][]int32{m.topic: {partition}})
	if err != nil {
		line.Error(err)
		return -1
	}
	if block := found.GetBlock(m.topic, partition); block != nil && block.Err == sarama.ErrNoError {
		return block.Offset
	}
	return -1
}

func configure(asked map[string]string) *sarama.Config {
	config := sarama.NewConfig()
	config.Version = sarama.V2_8_0_0
	config.Metadata.RefreshFrequency = 2 * time.Second
	config.Metadata.Retry.Max = 60
	config.Metadata.Retry.Backoff = 100 * time.Millisecond
	config.Admin.Retry.Max = 60
	config.Consumer.Return.Errors = true
	config.Consumer.MaxWaitTime = 20 * time.Millisecond // commits wait behind fetches, on one connection
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	config.Consumer.Offsets.AutoCommit.Enable = false
	config.Consumer.Group.Session.Timeout = line.Milliseconds(asked["session_ms"])
	config.Consumer.Group.Heartbeat.Interval = line.Milliseconds(asked["heartbeat_ms"])
	config.Consumer.Group.InstanceId = asked["instance"]
	if asked["assignor"] != "" {
		config.Consumer.Group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{strategies[asked["assignor"]]()}
	}
	return config
}

func fail(err error) {
	line.Error(err)
	os.Exit(1)
}

func main() {
	asked := line.Arguments()
	brokers := strings.Split(asked["bootstrap"], ",")
	client, err := sarama.NewClient(brokers, configure(asked))
	if err != nil {
		fail(err)
	}
	admin, err := sarama.NewClusterAdminFromClient(client)
	if err != nil {
		fail(err)
	}
	group, err := sarama.NewConsumerGroup(brokers, asked["group"], configure(asked))
	if err != nil {
		fail(err)
	}
	go func() {
		for err := range group.Errors() {
			line.Error(err)
		}
	}()
	m := &member{topic: asked["topic"], group: asked["group"], admin: admin}
	for told := line.UntilTold(); told.Err() == nil; {
		err := group.Consume(told, []string{m.topic}, m)
		if err != nil && !errors.Is(err, context.Canceled) {
			line.Error(err)
		}
	}
	group.Close()
}

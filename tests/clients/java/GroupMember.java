import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;

/** A member of a consumer group, of any version of kafka-clients (tests/clients/README.md says what members do). */
public final class GroupMember implements ConsumerRebalanceListener {
    private final KafkaConsumer<byte[], byte[]> consumer;
    private final Map<TopicPartition, OffsetAndMetadata> uncommitted = new HashMap<>();

    private GroupMember(Properties settings) {
        consumer = new KafkaConsumer<>(settings);
    }

    public static void main(String[] words) throws Exception {
        Map<String, String> arguments = MemberLines.arguments(words);
        try {
            new GroupMember(MemberLines.settings(arguments)).serve(arguments.get("topic"));
        } catch (Throwable problem) {
            MemberLines.error(problem);
            System.exit(1);
        }
        System.exit(0);
    }

    private void serve(String topic) throws Exception {
        consumer.subscribe(Collections.singletonList(topic), this);
        while (!MemberLines.leaving()) {
            for (ConsumerRecord<byte[], byte[]> record : Messenger.poll(consumer, 100)) {
                MemberLines.record(record);
                uncommitted.put(new TopicPartition(record.topic(), record.partition()),
                    new OffsetAndMetadata(record.offset() + 1));
            }
            commit();
        }
        consumer.close();
    }

    /** What is not committed because a rebalance is under way is tried again after the next poll. */
    private void commit() {
        if (uncommitted.isEmpty()) {
            return;
        }
        try {
            consumer.commitSync(uncommitted);
            MemberLines.committed(uncommitted);
            uncommitted.clear();
        } catch (KafkaException problem) {
            if (!problem.getClass().getSimpleName().equals("RebalanceInProgressException")) {
                MemberLines.error(problem);
            }
        }
    }

    @Override
    public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
        MemberLines.partitions("assigned", partitions);
    }

    @Override
    public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
        commit();
        onPartitionsLost(partitions);
    }

    /** Overrides nothing before version 2.4. */
    public void onPartitionsLost(Collection<TopicPartition> partitions) {
        List<TopicPartition> gone = new ArrayList<>(partitions);
        uncommitted.keySet().removeAll(gone);
        MemberLines.partitions("revoked", gone);
    }
}

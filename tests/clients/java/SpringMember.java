import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.springframework.kafka.core.DefaultKafkaConsumerFactory;
import org.springframework.kafka.listener.AcknowledgingMessageListener;
import org.springframework.kafka.listener.ConcurrentMessageListenerContainer;
import org.springframework.kafka.listener.ConsumerAwareRebalanceListener;
import org.springframework.kafka.listener.ContainerProperties;
import org.springframework.kafka.support.Acknowledgment;

/** A listener container of Spring's as a member of a group; it commits each record before the next. */
public final class SpringMember
    implements ConsumerAwareRebalanceListener, AcknowledgingMessageListener<byte[], byte[]> {
    public static void main(String[] words) throws Exception {
        Map<String, String> arguments = MemberLines.arguments(words);
        Map<String, Object> settings = new HashMap<>();
        MemberLines.settings(arguments).forEach((key, value) -> settings.put((String) key, value));
        SpringMember member = new SpringMember();
        ContainerProperties properties = new ContainerProperties(arguments.get("topic"));
        properties.setMessageListener(member);
        properties.setConsumerRebalanceListener(member);
        properties.setAckMode(ContainerProperties.AckMode.MANUAL_IMMEDIATE);
        properties.setPollTimeout(100);
        properties.setShutdownTimeout(60_000);
        ConcurrentMessageListenerContainer<byte[], byte[]> container =
            new ConcurrentMessageListenerContainer<>(new DefaultKafkaConsumerFactory<>(settings), properties);
        container.start();
        while (!MemberLines.leaving()) {
            Thread.sleep(20);
        }
        container.stop();
        System.exit(0);
    }

    @Override
    public void onMessage(ConsumerRecord<byte[], byte[]> record, Acknowledgment acknowledgment) {
        MemberLines.record(record);
        try {
            acknowledgment.acknowledge();
        } catch (RuntimeException refused) {
            MemberLines.error(refused);
            throw refused;
        }
        MemberLines.committed(Collections.singletonMap(new TopicPartition(record.topic(), record.partition()),
            new OffsetAndMetadata(record.offset() + 1)));
    }

    @Override
    public void onPartitionsAssigned(Consumer<?, ?> consumer, Collection<TopicPartition> partitions) {
        MemberLines.partitions("assigned", partitions);
    }

    @Override
    public void onPartitionsRevokedAfterCommit(Consumer<?, ?> consumer, Collection<TopicPartition> partitions) {
        MemberLines.partitions("revoked", partitions);
    }
}

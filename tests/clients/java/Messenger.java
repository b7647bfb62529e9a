import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Commands that produce and consume. */
public final class Messenger implements Driver.Commands {
    private static final long PATIENCE_MS = 60_000;

    @Override
    public Object run(String command, Map<String, String> arguments) throws Exception {
        switch (command) {
            case "produce":
                return produce(arguments);
            case "transaction":
                return transaction(arguments);
            case "consume":
                return consume(arguments);
            default:
                return null;
        }
    }

    static Properties settings(Map<String, String> arguments) {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", arguments.get("bootstrap"));
        for (Map.Entry<String, String> entry : arguments.entrySet()) {
            if (entry.getKey().indexOf('.') > 0) {
                settings.put(entry.getKey(), entry.getValue());
            }
        }
        return settings;
    }

    static Properties producerSettings(Map<String, String> arguments) {
        Properties settings = settings(arguments);
        settings.put("key.serializer", ByteArraySerializer.class.getName());
        settings.put("value.serializer", ByteArraySerializer.class.getName());
        return settings;
    }

    private static List<Object> send(KafkaProducer<byte[], byte[]> producer, Map<String, String> arguments)
        throws Exception {
        int first = Integer.parseInt(arguments.getOrDefault("first", "0"));
        int count = Integer.parseInt(arguments.get("count"));
        int partition = Integer.parseInt(arguments.getOrDefault("partition", "0"));
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        for (int i = first; i < first + count; i++) {
            sent.add(producer.send(Messages.record(arguments.get("topic"), partition, arguments.get("seed"), i)));
        }
        producer.flush();
        List<Object> offsets = new ArrayList<>();
        for (Future<RecordMetadata> future : sent) {
            offsets.add(future.get(PATIENCE_MS, TimeUnit.MILLISECONDS).offset());
        }
        return offsets;
    }

    private static Object produce(Map<String, String> arguments) throws Exception {
        try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(producerSettings(arguments))) {
            return Collections.singletonMap("offsets", send(producer, arguments));
        }
    }

    /** One transaction, committed, aborted or left open as the argument end says. */
    private static Object transaction(Map<String, String> arguments) throws Exception {
        KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(producerSettings(arguments));
        producer.initTransactions();
        producer.beginTransaction();
        Object offsets = send(producer, arguments);
        switch (arguments.get("end")) {
            case "commit":
                producer.commitTransaction();
                producer.close();
                break;
            case "abort":
                producer.abortTransaction();
                producer.close();
                break;
            default:
                break;
        }
        return Collections.singletonMap("offsets", offsets);
    }

    @SuppressWarnings("unchecked")
    static ConsumerRecords<byte[], byte[]> poll(Consumer<byte[], byte[]> consumer, long ms) throws Exception {
        try {
            Class<?> duration = Class.forName("java.time.Duration");
            Method poll = KafkaConsumer.class.getMethod("poll", duration);
            return (ConsumerRecords<byte[], byte[]>) poll.invoke(consumer, java.time.Duration.ofMillis(ms));
        } catch (NoSuchMethodException old) {
            return (ConsumerRecords<byte[], byte[]>) KafkaConsumer.class.getMethod("poll", long.class)
                .invoke(consumer, ms);
        }
    }

    /** Reads one partition from its beginning to the end that it had at the start. */
    private static Object consume(Map<String, String> arguments) throws Exception {
        Properties settings = settings(arguments);
        settings.put("key.deserializer", ByteArrayDeserializer.class.getName());
        settings.put("value.deserializer", ByteArrayDeserializer.class.getName());
        settings.put("enable.auto.commit", "false");
        settings.put("group.id", "driver");
        TopicPartition partition = new TopicPartition(arguments.get("topic"),
            Integer.parseInt(arguments.getOrDefault("partition", "0")));
        List<Object> records = new ArrayList<>();
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(settings)) {
            consumer.assign(Collections.singletonList(partition));
            consumer.seekToBeginning(Collections.singletonList(partition));
            long end = consumer.endOffsets(Collections.singletonList(partition)).get(partition);
            long deadline = System.currentTimeMillis() + PATIENCE_MS;
            while (consumer.position(partition) < end) {
                if (System.currentTimeMillis() > deadline) {
                    throw new IllegalStateException("read " + records.size() + " records up to offset "
                        + consumer.position(partition) + " of " + end + " in " + PATIENCE_MS + " ms");
                }
                for (ConsumerRecord<byte[], byte[]> record : poll(consumer, 500)) {
                    records.add(plain(record));
                }
            }
        }
        return Collections.singletonMap("records", records);
    }

    private static Object plain(ConsumerRecord<byte[], byte[]> record) {
        Map<String, Object> out = new HashMap<>();
        out.put("offset", record.offset());
        out.put("timestamp", record.timestamp());
        out.put("timestamp_type", record.timestampType().toString());
        out.put("key", Messages.text(record.key()));
        out.put("value", Messages.text(record.value()));
        List<Object> headers = new ArrayList<>();
        for (Header header : record.headers()) {
            headers.add(Arrays.asList(header.key(), Messages.text(header.value())));
        }
        out.put("headers", headers);
        return out;
    }
}

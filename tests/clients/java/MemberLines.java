import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** How a member in Java is told what to do and tells what happens to it (tests/clients/README.md). */
final class MemberLines {
    private static final PrintStream OUT = System.out;
    private static final String ASSIGNORS = "org.apache.kafka.clients.consumer.";
    private static volatile boolean leaving;

    private MemberLines() {
    }

    /** Also begins to listen for the word to leave. */
    static Map<String, String> arguments(String[] words) {
        System.setOut(System.err);
        Map<String, String> arguments = new HashMap<>();
        for (String word : words) {
            int at = word.indexOf('=');
            arguments.put(word.substring(0, at), word.substring(at + 1));
        }
        Thread listener = new Thread(() -> {
            try {
                System.in.read();
            } catch (java.io.IOException closed) {
                System.err.println(closed);
            }
            leaving = true;
        });
        listener.setDaemon(true);
        listener.start();
        return arguments;
    }

    static boolean leaving() {
        return leaving;
    }

    /** An argument with a dot in its name is a setting of the client's own. */
    static Properties settings(Map<String, String> arguments) {
        Properties settings = Messenger.settings(arguments);
        settings.put("key.deserializer", ByteArrayDeserializer.class.getName());
        settings.put("value.deserializer", ByteArrayDeserializer.class.getName());
        settings.put("enable.auto.commit", "false");
        settings.put("auto.offset.reset", "earliest");
        settings.put("metadata.max.age.ms", "2000");
        settings.put("reconnect.backoff.max.ms", "500");
        settings.put("fetch.max.wait.ms", "200");
        settings.put("group.id", arguments.get("group"));
        put(settings, "group.instance.id", arguments.get("instance"));
        put(settings, "session.timeout.ms", arguments.get("session_ms"));
        put(settings, "heartbeat.interval.ms", arguments.get("heartbeat_ms"));
        put(settings, "partition.assignment.strategy", assignor(arguments.get("assignor")));
        return settings;
    }

    private static void put(Properties settings, String name, String value) {
        if (value != null) {
            settings.put(name, value);
        }
    }

    private static String assignor(String name) {
        if (name == null) {
            return null;
        }
        switch (name) {
            case "range":
                return ASSIGNORS + "RangeAssignor";
            case "roundrobin":
                return ASSIGNORS + "RoundRobinAssignor";
            case "sticky":
                return ASSIGNORS + "StickyAssignor";
            case "cooperative-sticky":
                return ASSIGNORS + "CooperativeStickyAssignor";
            default:
                throw new IllegalArgumentException("no assignor is called " + name);
        }
    }

    private static void tell(String event, String name, Object value) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("event", event);
        line.put(name, value);
        write(line);
    }

    private static synchronized void write(Map<String, Object> line) {
        StringBuilder out = new StringBuilder();
        Driver.write(out, line);
        out.append('\n');
        OUT.write(out.toString().getBytes(StandardCharsets.UTF_8), 0, out.length());
        OUT.flush();
    }

    static void partitions(String event, Collection<TopicPartition> partitions) {
        List<Object> numbers = new ArrayList<>();
        for (TopicPartition partition : partitions) {
            numbers.add(partition.partition());
        }
        tell(event, "partitions", numbers);
    }

    static void record(ConsumerRecord<byte[], byte[]> record) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("event", "record");
        fields.put("partition", record.partition());
        fields.put("offset", record.offset());
        fields.put("value", Messages.text(record.value()));
        write(fields);
    }

    static void committed(Map<TopicPartition, OffsetAndMetadata> offsets) {
        Map<String, Object> plain = new LinkedHashMap<>();
        for (Map.Entry<TopicPartition, OffsetAndMetadata> entry : offsets.entrySet()) {
            plain.put(String.valueOf(entry.getKey().partition()), entry.getValue().offset());
        }
        tell("committed", "offsets", plain);
    }

    static void error(Throwable problem) {
        problem.printStackTrace();
        Throwable root = problem;
        while (root.getCause() != null) {
            root = root.getCause();
        }
        tell("error", "text", root.getClass().getSimpleName() + ": " + root.getMessage());
    }
}

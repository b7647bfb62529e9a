import java.nio.charset.StandardCharsets;
import org.apache.kafka.clients.producer.ProducerRecord;

/** The messages that every client driver sends; tests/cluster/harness/messages.py is the same in Python. */
final class Messages {
    static final long BASE_TIME = 1700000000000L;

    private Messages() {
    }

    static byte[] key(String seed, int i) {
        return i % 7 == 3 ? null : bytes("key-" + seed + "-" + i);
    }

    static byte[] value(String seed, int i) {
        if (i % 11 == 5 && i % 7 != 3) {
            return null;
        }
        String word = "value-" + seed + "-" + i + "-";
        int length = i % 50 == 49 ? 5000 : i * 37 % 300 + 1;
        StringBuilder out = new StringBuilder();
        while (out.length() < length) {
            out.append(word);
        }
        out.setLength(length);
        return bytes(out.toString());
    }

    static long timestamp(int i) {
        return BASE_TIME + i * 13L + i % 5 * 1000L;
    }

    static ProducerRecord<byte[], byte[]> record(String topic, int partition, String seed, int i) {
        ProducerRecord<byte[], byte[]> made =
            new ProducerRecord<>(topic, partition, timestamp(i), key(seed, i), value(seed, i));
        if (i % 4 == 1 || i % 4 == 2) {
            made.headers().add("h", bytes("x" + i));
        }
        if (i % 4 == 1) {
            made.headers().add("h", null);
        }
        return made;
    }

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static String text(byte[] data) {
        return data == null ? null : new String(data, StandardCharsets.UTF_8);
    }

}

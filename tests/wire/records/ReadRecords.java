/* Reads on standard input what write_records.c wrote, with Kafka's own classes. */
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

import org.apache.kafka.common.record.ControlRecordType;
import org.apache.kafka.common.record.EndTransactionMarker;
import org.apache.kafka.common.record.MemoryRecords;
import org.apache.kafka.common.record.MutableRecordBatch;
import org.apache.kafka.common.record.Record;
import org.apache.kafka.common.record.RecordBatch;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.utils.BufferSupplier;
import org.apache.kafka.common.utils.CloseableIterator;

public class ReadRecords {
    static final long T0 = 1700000000000L;
    static String name;

    static void check(boolean ok, String what) {
        if (!ok)
            throw new AssertionError(name + ": " + what);
    }

    static String text(ByteBuffer b) {
        return StandardCharsets.UTF_8.decode(b).toString();
    }

    static void checkRecord(Record r, int i, int magic, boolean append, int repeats, boolean txn) {
        check(r.offset() == 4000000000L + i, "offset " + r.offset());
        check(r.timestamp() == (magic == 0 ? -1 : append ? T0 + 5000 : T0 + i), "timestamp " + r.timestamp());
        check(text(r.key()).equals("k" + i), "key");
        check(text(r.value()).equals(("value " + i).repeat(repeats)), "value of " + i);
        check(r.headers().length == (magic == 2 ? 1 : 0), "headers");
        if (magic == 2)
            check(new String(r.headers()[0].value(), StandardCharsets.UTF_8).equals("" + i), "header");
        int sequence = (int) ((Integer.MAX_VALUE - 2L + i) % (1L << 31));
        check(r.sequence() == (txn ? sequence : RecordBatch.NO_SEQUENCE), "sequence " + r.sequence());
    }

    static void readData(MemoryRecords records, int count) {
        int magic = name.charAt(1) - '0';
        boolean append = name.contains("append"), txn = name.contains("txn");
        int repeats = Integer.parseInt(name.substring(name.lastIndexOf('x') + 1));
        int i = 0;
        for (MutableRecordBatch batch : records.batches()) {
            batch.ensureValid();
            check(batch.magic() == magic, "magic");
            check(batch.compressionType().name.equals(name.split("-")[1]), "codec");
            if (magic > 0)
                check((batch.timestampType() == TimestampType.LOG_APPEND_TIME) == append, "timestamp type");
            check(batch.isTransactional() == txn, "transactional");
            check(batch.producerId() == (txn ? 1234567890123L : -1), "producer");
            try (CloseableIterator<Record> it = batch.streamingIterator(BufferSupplier.NO_CACHING)) {
                while (it.hasNext()) {
                    Record r = it.next();
                    r.ensureValid();
                    checkRecord(r, i++, magic, append, repeats, txn);
                }
            }
        }
        check(i == count, "number of records " + i);
    }

    static void readMarker(MemoryRecords records) {
        MutableRecordBatch batch = records.batches().iterator().next();
        batch.ensureValid();
        check(batch.isControlBatch() && batch.baseOffset() == 42, "control batch");
        EndTransactionMarker marker = EndTransactionMarker.deserialize(batch.iterator().next());
        check(marker.controlType() == ControlRecordType.valueOf(name.toUpperCase()), "type");
        check(marker.coordinatorEpoch() == 3, "coordinator epoch");
    }

    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        int sets = 0;
        for (String line; (line = in.readLine()) != null; sets++) {
            String[] words = line.split(" ");
            name = words[0];
            byte[] bytes = new byte[words[2].length() / 2];
            for (int i = 0; i < bytes.length; i++)
                bytes[i] = (byte) Integer.parseInt(words[2].substring(2 * i, 2 * i + 2), 16);
            MemoryRecords records = MemoryRecords.readableRecords(ByteBuffer.wrap(bytes));
            check(records.validBytes() == bytes.length, "size");
            if (name.startsWith("v"))
                readData(records, Integer.parseInt(words[1]));
            else
                readMarker(records);
        }
        if (sets < 70)
            throw new AssertionError("only " + sets + " sets");
        System.out.println(sets + " sets");
    }
}

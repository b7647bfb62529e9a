/*
 * Writes record sets made by Kafka's own classes, and what Kafka's own broker code makes of them, for
 * tests/unit/wire/test_record_java.c. Run by make_vectors.sh; its output is committed as
 * vectors.txt.gz.
 *
 * A line begins with a letter:
 *   V name                               a new vector
 *   S hex                                the record set
 *   P hex                                the same records written without compression
 *   R offset timestamp sequence key value [header-key header-value]...   one record of the set
 *   A target logAppend compact now offset epoch code maxTimestamp hex    LogValidator's result
 *   D magic firstOffset hex              down-converted
 *   E produceVersion code hex            a mutated set and the error code that it gets
 *
 * Bytes are hex, "-" for null, "." for none, "*BB*n" for n times the byte BB, "~seed*n" for n bytes of
 * a linear congruential generator.
 */
import java.io.FileOutputStream;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.zip.GZIPOutputStream;

import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.errors.CorruptRecordException;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.record.*;
import org.apache.kafka.common.record.Record;
import org.apache.kafka.common.requests.ProduceRequest;
import org.apache.kafka.common.utils.BufferSupplier;
import org.apache.kafka.common.utils.Crc32C;
import org.apache.kafka.common.utils.PrimitiveRef;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.server.common.MetadataVersion;
import org.apache.kafka.storage.internals.log.AppendOrigin;
import org.apache.kafka.storage.internals.log.LogValidator;
import org.apache.kafka.storage.internals.log.RecordValidationException;

public class RecordVectors {
    static final long T0 = 1700000000000L;
    static final long NOW = T0 + 1_000_000;
    static final TopicPartition TP = new TopicPartition("orders", 0);
    static PrintWriter out;

    /* Kafka asks for the time while it validates; here it stands still. */
    static final Time CLOCK = new Time() {
        public long milliseconds() { return NOW; }
        public long hiResClockMs() { return NOW; }
        public long nanoseconds() { return 0; }
        public void sleep(long ms) { }
        public void waitObject(Object obj, java.util.function.Supplier<Boolean> condition, long deadline) { }
        public org.apache.kafka.common.utils.Timer timer(long t) { return null; }
        public org.apache.kafka.common.utils.Timer timer(java.time.Duration t) { return null; }
        public <T> T waitForFuture(java.util.concurrent.CompletableFuture<T> f, long deadline) { return null; }
    };

    static final LogValidator.MetricsRecorder NO_METRICS = new LogValidator.MetricsRecorder() {
        public void recordInvalidMagic() { }
        public void recordInvalidOffset() { }
        public void recordInvalidSequence() { }
        public void recordInvalidChecksums() { }
        public void recordNoKeyCompactedTopic() { }
    };

    static final char[] DIGITS = "0123456789abcdef".toCharArray();

    static String hex(byte[] b) {
        StringBuilder s = new StringBuilder(b.length * 2);
        for (byte x : b)
            s.append(DIGITS[(x >> 4) & 15]).append(DIGITS[x & 15]);
        return s.length() == 0 ? "." : s.toString();
    }

    static byte[] bytes(ByteBuffer b) {
        if (b == null)
            return null;
        byte[] a = new byte[b.remaining()];
        b.duplicate().get(a);
        return a;
    }

    static byte[] lcg(int seed, int n) {
        byte[] b = new byte[n];
        int x = seed;
        for (int i = 0; i < n; i++) {
            x = x * 1103515245 + 12345;
            b[i] = (byte) (x >>> 16);
        }
        return b;
    }

    static String field(byte[] b) {
        if (b == null)
            return "-";
        if (b.length > 1000) {
            boolean same = true;
            for (byte x : b)
                same &= x == b[0];
            if (same)
                return String.format("*%02x*%d", b[0] & 0xff, b.length);
            for (int seed = 0; seed < 10; seed++)
                if (java.util.Arrays.equals(b, lcg(seed, b.length)))
                    return "~" + seed + "*" + b.length;
        }
        return hex(b);
    }

    static byte[] utf8(String s) {
        return s == null ? null : s.getBytes(StandardCharsets.UTF_8);
    }

    static SimpleRecord rec(long ts, byte[] k, byte[] v, String... headers) {
        Header[] h = new Header[headers.length / 2];
        for (int i = 0; i < h.length; i++)
            h[i] = new RecordHeader(headers[2 * i], utf8(headers[2 * i + 1]));
        return new SimpleRecord(ts, k, v, h);
    }

    static List<SimpleRecord> content(String kind, boolean headers) {
        List<SimpleRecord> l = new ArrayList<>();
        String[] h = headers ? new String[] {"h", "x"} : new String[0];
        switch (kind) {
        case "one":
            l.add(rec(T0, utf8("k"), utf8("v"), h));
            break;
        case "mixed":
            l.add(rec(T0 + 50, utf8("a"), utf8("1")));
            l.add(rec(T0 + 20, null, utf8("null key")));
            l.add(rec(T0 + 99, utf8("tombstone"), null));
            l.add(rec(T0 + 99, null, null));
            l.add(rec(T0 + 1, new byte[0], new byte[0]));
            l.add(rec(T0 - 100000, utf8("grüße"), utf8("\uD83D\uDE00")));
            l.add(rec(T0 + 7, utf8("k"), lcg(3, 300)));
            if (headers) {
                l.add(rec(T0 + 8, utf8("k"), utf8("v"), "h", "x", "h", "y", "", "", "null", null));
                l.add(rec(T0 + 9, null, utf8("v"), "grüße", "x"));
            }
            l.add(rec(T0 + 10, utf8("k"), "repeat ".repeat(40).getBytes(StandardCharsets.UTF_8)));
            break;
        case "many":
            for (int i = 0; i < 150; i++)
                l.add(rec(T0 + i * 3, utf8("key" + i % 10), utf8("value " + i), i % 7 == 0 ? h : new String[0]));
            break;
        case "zeros":
            l.add(rec(T0, utf8("k"), new byte[200000], h));
            l.add(rec(T0 + 1, utf8("k"), utf8("v")));
            l.add(rec(T0 + 2, null, new byte[70000]));
            break;
        case "noise":
            l.add(rec(T0, utf8("k"), lcg(5, 66000), h));
            l.add(rec(T0 + 1, utf8("k"), utf8("v")));
            break;
        default:
            throw new IllegalArgumentException(kind);
        }
        return l;
    }

    static byte[] build(byte magic, CompressionType codec, TimestampType type, long baseOffset, long producerId,
                        short epoch, int sequence, boolean transactional, int leaderEpoch,
                        List<SimpleRecord> records) {
        MemoryRecordsBuilder b = new MemoryRecordsBuilder(ByteBuffer.allocate(1024), magic,
            Compression.of(codec).build(), type, baseOffset, type == TimestampType.LOG_APPEND_TIME ? NOW : -1,
            producerId, epoch, sequence, transactional, false, leaderEpoch, 0);
        for (SimpleRecord r : records)
            b.append(r);
        return bytes(b.build().buffer());
    }

    static void printRecords(byte[] set) {
        for (RecordBatch batch : MemoryRecords.readableRecords(ByteBuffer.wrap(set)).batches()) {
            for (Record r : batch) {
                StringBuilder s = new StringBuilder();
                s.append("R ").append(r.offset()).append(' ').append(r.timestamp()).append(' ')
                    .append(r.sequence()).append(' ').append(field(bytes(r.key()))).append(' ')
                    .append(field(bytes(r.value())));
                for (Header h : r.headers())
                    s.append(' ').append(field(utf8(h.key()))).append(' ').append(field(h.value()));
                out.println(s);
            }
        }
    }

    static CompressionType sourceCodec(MemoryRecords records) {
        CompressionType c = CompressionType.NONE;
        for (RecordBatch b : records.batches())
            if (b.compressionType() != CompressionType.NONE)
                c = b.compressionType();
        return c;
    }

    static short codeOf(Throwable e) {
        if (e instanceof RecordValidationException)
            e = ((RecordValidationException) e).invalidException();
        return Errors.forException(e).code();
    }

    /* What UnifiedLog.append does with a client's records before they are written. */
    static LogValidator.ValidationResult append(byte[] set, int version, CompressionType target, boolean logAppend,
                                                boolean compact, long offset, int epoch) {
        MemoryRecords records = MemoryRecords.readableRecords(ByteBuffer.wrap(set.clone()));
        ProduceRequest.validateRecords((short) version, records);
        int valid = 0;
        for (MutableRecordBatch b : records.batches()) {
            if (b.magic() >= 2 && b.baseOffset() != 0)
                throw new org.apache.kafka.common.InvalidRecordException("base offset");
            if (b.sizeInBytes() > 1048588)
                throw new RecordTooLargeException("size");
            if (!b.isValid())
                throw new CorruptRecordException("crc");
            CompressionType.forId(b.compressionType().id);
            valid += b.sizeInBytes();
        }
        if (valid == 0)
            return null;
        ByteBuffer cut = records.buffer().duplicate();
        cut.limit(valid);
        MemoryRecords validRecords = MemoryRecords.readableRecords(cut);
        CompressionType source = sourceCodec(validRecords);
        CompressionType to = target == null ? source : target;
        LogValidator v = new LogValidator(validRecords, TP, CLOCK, source, Compression.of(to).build(), compact,
            (byte) 2, logAppend ? TimestampType.LOG_APPEND_TIME : TimestampType.CREATE_TIME, Long.MAX_VALUE,
            Long.MAX_VALUE, epoch, AppendOrigin.CLIENT, MetadataVersion.IBP_3_9_IV0);
        return v.validateMessagesAndAssignOffsets(PrimitiveRef.ofLong(offset), NO_METRICS, BufferSupplier.NO_CACHING);
    }

    static void printAppend(byte[] set, int version, CompressionType target, boolean logAppend, boolean compact) {
        String what = String.format("A %d %d %d %d %d %d", target == null ? -1 : target.id, logAppend ? 1 : 0,
            compact ? 1 : 0, NOW, 5000L, 12);
        try {
            LogValidator.ValidationResult r = append(set, version, target, logAppend, compact, 5000, 12);
            out.println(what + " 0 " + r.maxTimestampMs + " " + hex(bytes(r.validatedRecords.buffer())));
        } catch (Throwable e) {
            out.println(what + " " + codeOf(e) + " -1 .");
        }
    }

    static void printDown(byte[] set, int magic, long firstOffset) {
        try {
            Records r = MemoryRecords.readableRecords(ByteBuffer.wrap(set))
                .downConvert((byte) magic, firstOffset, CLOCK).records();
            out.println("D " + magic + " " + firstOffset + " " + hex(bytes(((MemoryRecords) r).buffer())));
        } catch (Throwable e) {
            throw new RuntimeException(e);
        }
    }

    static void vector(String name, byte magic, CompressionType codec, TimestampType type, long baseOffset,
                       long producerId, short epoch, int sequence, boolean transactional, int leaderEpoch,
                       String kind) {
        List<SimpleRecord> records = content(kind, magic == 2);
        byte[] set = build(magic, codec, type, baseOffset, producerId, epoch, sequence, transactional, leaderEpoch,
            records);
        boolean big = kind.equals("zeros") || kind.equals("noise");
        out.println("V " + name);
        out.println("S " + hex(set));
        if (!big && codec != CompressionType.NONE)
            out.println("P " + hex(build(magic, CompressionType.NONE, type, baseOffset, producerId, epoch, sequence,
                transactional, leaderEpoch, records)));
        printRecords(set);
        if (baseOffset == 0 && !big) {
            int version = magic == 2 ? 9 : 2;
            for (int i = 0; i < 2; i++) {
                printAppend(set, version, CompressionType.NONE, i == 1, false);
                if (codec != CompressionType.NONE)
                    printAppend(set, version, null, i == 1, false);
            }
            printAppend(set, version, null, false, true);
        }
        if (codec != CompressionType.ZSTD && magic > 0 && !big) {
            printDown(set, 0, baseOffset + 3);
            if (magic == 2)
                printDown(set, 1, baseOffset);
        }
    }

    static final TimestampType[] TYPES = {TimestampType.CREATE_TIME, TimestampType.LOG_APPEND_TIME};

    static void codecs(byte magic) {
        for (CompressionType codec : CompressionType.values()) {
            if (magic < 2 && codec == CompressionType.ZSTD)
                continue;
            for (TimestampType type : TYPES) {
                if (magic == 0 && type == TimestampType.LOG_APPEND_TIME)
                    continue;
                for (String kind : new String[] {"one", "mixed", "many"})
                    for (long base : new long[] {0, 1234567890L}) {
                        if (kind.equals("many") && (base > 0 || type == TimestampType.LOG_APPEND_TIME))
                            continue;
                        vector(String.format("v%d-%s-%s-%s-%d", magic, codec.name, type.name, kind, base), magic,
                            codec, type, base, -1L, (short) -1, -1, false, base == 0 ? -1 : 7, kind);
                    }
            }
            if (codec != CompressionType.NONE)
                vector(String.format("v%d-%s-zeros", magic, codec.name), magic, codec, TYPES[0], 0, -1L, (short) -1,
                    -1, false, -1, "zeros");
        }
    }

    /* --- mutations --- */

    static byte[] seal(byte[] set) {
        if (set.length < 61 || set[16] != 2)
            return set;
        int size = ByteBuffer.wrap(set).getInt(8) + 12;
        if (size < 61 || size > set.length)
            return set;
        ByteBuffer.wrap(set).putInt(17, (int) Crc32C.compute(set, 21, size - 21));
        return set;
    }

    static byte[] sealLegacy(byte[] set) {
        if (set.length < 26 || set[16] == 2)
            return seal(set);
        int size = ByteBuffer.wrap(set).getInt(8) + 12;
        if (size < 17 || size > set.length)
            return set;
        java.util.zip.CRC32 crc = new java.util.zip.CRC32();
        crc.update(set, 16, size - 16);
        ByteBuffer.wrap(set).putInt(12, (int) crc.getValue());
        return set;
    }

    static void mutations() {
        Random random = new Random(42);
        List<byte[]> seeds = new ArrayList<>();
        for (CompressionType codec : CompressionType.values()) {
            seeds.add(build((byte) 2, codec, TYPES[0], 0, 1000, (short) 3, 10, false, -1, content("mixed", true).subList(0, 5)));
            seeds.add(build((byte) 2, codec, TYPES[0], 0, -1, (short) -1, -1, false, -1, content("one", true)));
            if (codec != CompressionType.ZSTD) {
                seeds.add(build((byte) 1, codec, TYPES[0], 0, -1, (short) -1, -1, false, -1, content("mixed", false).subList(0, 4)));
                seeds.add(build((byte) 0, codec, TYPES[0], 0, -1, (short) -1, -1, false, -1, content("one", false)));
            }
        }
        out.println("V mutations");
        for (int i = 0; i < 3000; i++) {
            byte[] set = seeds.get(random.nextInt(seeds.size())).clone();
            int changes = 1 + random.nextInt(2);
            for (int c = 0; c < changes; c++) {
                int at = random.nextInt(3) == 0 ? random.nextInt(Math.min(set.length, 62)) : random.nextInt(set.length);
                switch (random.nextInt(3)) {
                case 0: set[at] ^= 1 << random.nextInt(8); break;
                case 1: set[at] = (byte) random.nextInt(256); break;
                default: set[at] = (byte) (set[at] + (random.nextBoolean() ? 1 : -1)); break;
                }
            }
            if (random.nextInt(8) == 0)
                set = java.util.Arrays.copyOf(set, random.nextInt(set.length + 1));
            if (random.nextInt(10) == 0) {
                byte[] two = java.util.Arrays.copyOf(set, set.length * 2);
                System.arraycopy(set, 0, two, set.length, set.length);
                set = two;
            }
            if (random.nextInt(20) != 0)
                sealLegacy(set);
            int version = set.length > 16 && set[16] == 2 ? 9 : 2;
            short code;
            try {
                append(set, version, null, false, false, 5000, 12);
                code = 0;
            } catch (Throwable e) {
                code = codeOf(e);
            }
            out.println("E " + version + " " + code + " " + hex(set));
        }
    }

    public static void main(String[] args) throws Exception {
        /* No timestamp in the file's header, so that the same records give the same bytes. */
        out = new PrintWriter(new OutputStreamWriter(new GZIPOutputStream(new FileOutputStream(args[0])), "UTF-8"));
        for (byte magic = 0; magic <= 2; magic++)
            codecs(magic);
        vector("v2-lz4-noise", (byte) 2, CompressionType.LZ4, TYPES[0], 0, -1, (short) -1, -1, false, -1, "noise");
        for (CompressionType codec : new CompressionType[] {CompressionType.NONE, CompressionType.SNAPPY}) {
            vector("v2-" + codec.name + "-idempotent", (byte) 2, codec, TYPES[0], 0, 4000, (short) 5, 17, false, -1, "mixed");
            vector("v2-" + codec.name + "-transactional", (byte) 2, codec, TYPES[0], 0, 4000, (short) 5, 0, true, -1, "mixed");
            vector("v2-" + codec.name + "-wrap", (byte) 2, codec, TYPES[0], 0, 4000, (short) 5, Integer.MAX_VALUE - 3, true, -1, "mixed");
        }
        for (ControlRecordType type : new ControlRecordType[] {ControlRecordType.ABORT, ControlRecordType.COMMIT}) {
            byte[] set = bytes(MemoryRecords.withEndTransactionMarker(77, T0, 9, 1000, (short) 2,
                new EndTransactionMarker(type, 33)).buffer());
            out.println("V v2-control-" + type);
            out.println("S " + hex(set));
            printRecords(set);
        }
        mutations();
        out.close();
    }
}

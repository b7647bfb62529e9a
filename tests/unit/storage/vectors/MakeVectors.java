/*
 * Writes the test data of this directory with Kafka's own classes (3.9.1):
 *
 *   javac -cp "$KAFKA/libs/*" -d /tmp/vectors MakeVectors.java
 *   java -cp "/tmp/vectors:$KAFKA/libs/*" MakeVectors .
 */
import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.StandardCopyOption;
import java.util.*;

import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.metadata.properties.*;
import org.apache.kafka.storage.internals.checkpoint.*;
import org.apache.kafka.storage.internals.log.*;

public class MakeVectors {
    private static final LogDirFailureChannel CHANNEL = new LogDirFailureChannel(1);

    static void snapshots(File dir) throws Exception {
        Map<Long, ProducerStateEntry> producers = new LinkedHashMap<>();
        ProducerStateManager.writeSnapshot(new File(dir, "empty.snapshot"), producers, false);
        ProducerStateEntry data = new ProducerStateEntry(1000L, (short) 0, -1, 1700000000000L, OptionalLong.empty(),
            Optional.of(new BatchMetadata(9, 109L, 9, 1700000000000L)));
        data.addBatch((short) 0, 14, 120L, 4, 1700000000500L);
        producers.put(1000L, data);
        ProducerStateManager.writeSnapshot(new File(dir, "one.snapshot"), producers, false);
        producers.put(1001L, new ProducerStateEntry(1001L, (short) 7, 3, 1700000001000L, OptionalLong.of(55L),
            Optional.of(new BatchMetadata(Integer.MAX_VALUE, 200L, 2, 1700000001000L))));
        ProducerStateEntry marker = new ProducerStateEntry(Long.MAX_VALUE, Short.MAX_VALUE, 12, 1700000002000L,
            OptionalLong.empty(), Optional.empty());
        producers.put(Long.MAX_VALUE, marker);
        ProducerStateManager.writeSnapshot(new File(dir, "three.snapshot"), producers, false);
    }

    @SuppressWarnings({"unchecked", "rawtypes"})
    static void checkpoints(File dir) throws Exception {
        File partition = new File(dir, "partition");
        partition.mkdirs();
        File epochFile = new File(partition, "leader-epoch-checkpoint");
        new LeaderEpochCheckpointFile(epochFile, CHANNEL).write(Arrays.asList(
            new EpochEntry(0, 0L), new EpochEntry(3, 17L), new EpochEntry(2147483647, Long.MAX_VALUE)));
        Files.move(epochFile.toPath(), new File(dir, "leader-epoch-checkpoint").toPath(),
            StandardCopyOption.REPLACE_EXISTING);
        PartitionMetadataFile metadata =
            new PartitionMetadataFile(PartitionMetadataFile.newFile(partition), CHANNEL);
        metadata.record(Uuid.fromString("SGVsbG8tQmFybmFiYXMhMA"));
        metadata.maybeFlush();
        Files.move(PartitionMetadataFile.newFile(partition).toPath(), new File(dir, "partition.metadata").toPath(),
            StandardCopyOption.REPLACE_EXISTING);
        partition.delete();

        scala.collection.immutable.Map offsets = scala.collection.immutable.Map$.MODULE$.empty();
        offsets = (scala.collection.immutable.Map) offsets.updated(new TopicPartition("orders", 0), 42L);
        offsets = (scala.collection.immutable.Map) offsets.updated(new TopicPartition("orders", 11), 0L);
        offsets = (scala.collection.immutable.Map) offsets.updated(new TopicPartition("__consumer_offsets", 49),
            9000000000L);
        new kafka.server.checkpoints.OffsetCheckpointFile(new File(dir, "recovery-point-offset-checkpoint"), CHANNEL)
            .write(offsets);
        CleanShutdownFileHandler clean = new CleanShutdownFileHandler(dir.getPath());
        clean.write(-1L);
        Files.move(new File(dir, ".kafka_cleanshutdown").toPath(), new File(dir, "kafka_cleanshutdown").toPath(),
            StandardCopyOption.REPLACE_EXISTING);
    }

    static void metaProperties(File dir, String name, Optional<Uuid> directoryId) throws Exception {
        File work = Files.createTempDirectory("meta").toFile();
        MetaPropertiesEnsemble.Copier copier = new MetaPropertiesEnsemble.Copier(MetaPropertiesEnsemble.EMPTY);
        copier.setLogDirProps(work.getPath(), new MetaProperties.Builder().setVersion(MetaPropertiesVersion.V0)
            .setClusterId("a=b:c #9_Xz-uIDsWlQ").setNodeId(1001).setDirectoryId(directoryId).build());
        copier.writeLogDirChanges();
        Files.move(new File(work, "meta.properties").toPath(), new File(dir, name).toPath(),
            StandardCopyOption.REPLACE_EXISTING);
        work.delete();
    }

    /* One line for each name: OK topic partition, or BAD. */
    static void directoryNames(File dir) throws Exception {
        String id = "0123456789abcdef0123456789abcdef";
        List<String> names = new ArrayList<>(Arrays.asList("orders-0", "a-b-c-12", "-0", "orders-", "orders", "-", "x--1",
            "x-+5", "x-007", "x-2147483647", "x-2147483648", "x-1.2", "a.b_c-3", "lost+found", "x-0." + id + "-delete",
            "x-0." + id + "-future", "a-b.c-9." + id + "-stray", "x-0-delete", "x.y-delete", "x-0.-delete",
            "x-0. b-delete", "x y-0." + id + "-delete", "x y-0", ".x-0-delete", "x-.y-delete", "x-0..-delete",
            "-x-0.y-delete", "-0.y-delete", "a-0.b.c-delete", "a-b.c-0-delete", "-delete", "a-b.-c.-delete",
            "x-0.y-deleted", "--0", "a-0.b-future-delete", "x-0 ", "a--0.b-delete", "a-b.c.d-future", "x-0.y-stray-stray"));
        StringBuilder out = new StringBuilder();
        for (String name : names) {
            out.append(name).append('\t');
            try {
                TopicPartition tp = kafka.log.LocalLog$.MODULE$.parseTopicPartitionName(new File("/d", name));
                out.append("OK\t").append(tp.topic()).append('\t').append(tp.partition()).append('\n');
            } catch (Exception e) {
                out.append("BAD\n");
            }
        }
        Files.write(new File(dir, "directory-names.tsv").toPath(), out.toString().getBytes(StandardCharsets.UTF_8));
    }

    /* Texts of checkpoint files, and whether Kafka's readers take them: bytes as hex, then OK n or BAD. */
    static void toleranceOfCheckpoints(File dir) throws Exception {
        String[] texts = {"", "0", "0\n", "0\n0\n", "0\n0", "0\n1\na 0 5\n", "0\n1\na 0 5", "0\r\n1\r\na 0 5\r\n",
            "0\n1\na\t0  5 \n", "0\n1\n a 0 5\n", "0\n2\na 0 5\n", "0\n0\na 0 5\n", "0\n1\na 0 5\n\n", "1\n0\n", " 0\n0\n",
            "0 \n0\n", "x\n", "0\nx\n", "0\n-1\n", "+0\n+1\na +0 +5\n", "0\n1\na 0 -5\n", "0\n1\na -1 5\n", "0\n1\na b 5\n",
            "0\n1\na 0 9223372036854775807\n", "0\n1\na 0 9223372036854775808\n", "0\n1\na 2147483648 1\n",
            "0\n2\na 0 5\na 0 6\n", "0\n1\na 0\n", "0\n1\na 0 5 6\n", "0\n1\n0 5\n", "0\n2\n0 0\n3 17\n", "0\n1\n-1 5\n",
            "0\r1\r5 6\r", "0\n1\na\u000b0\f5\n", "0\n1\n0 5 \n", "\n", "0\n\n", "0\n1\n\n"};
        StringBuilder out = new StringBuilder();
        for (String text : texts) {
            File file = File.createTempFile("checkpoint", "");
            Files.write(file.toPath(), text.getBytes(StandardCharsets.UTF_8));
            for (byte b : text.getBytes(StandardCharsets.UTF_8))
                out.append(String.format("%02x", b));
            out.append("\t");
            try {
                out.append(new kafka.server.checkpoints.OffsetCheckpointFile(file, CHANNEL).read().size());
            } catch (Exception e) {
                out.append("BAD");
            }
            out.append("\t");
            try {
                out.append(new LeaderEpochCheckpointFile(file, CHANNEL).read().size());
            } catch (Exception e) {
                out.append("BAD");
            }
            out.append("\n");
            file.delete();
        }
        Files.write(new File(dir, "checkpoint-texts.tsv").toPath(), out.toString().getBytes(StandardCharsets.UTF_8));
    }

    static void toleranceOfPartitionMetadata(File dir) throws Exception {
        String id = "SGVsbG8tQmFybmFiYXMhMA";
        String[] texts = {"version: 0\ntopic_id: " + id, "version: 0\ntopic_id: " + id + "\n", "version: 7\ntopic_id: " + id,
            "x: 0\ny:\t" + id, "version: -1\ntopic_id: " + id, "version:0\ntopic_id: " + id, "version: 0\ntopic_id:" + id,
            "version: 0\ntopic_id: " + id + "==", "version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAA", "version: 0", "", "version: ",
            "version: 0\ntopic_id: " + id + " ", "version: 0 \ntopic_id: " + id, "a: version: 0\ntopic_id: " + id,
            "version: +0\ntopic_id:   " + id, "version: 0: \ntopic_id: " + id, ": 0\n: " + id, "version: 0\r\ntopic_id: " + id,
            "version: 0\ntopic_id: SGVsbG8tQmFybmFiYXMh", "version: x\ntopic_id: " + id};
        StringBuilder out = new StringBuilder();
        for (String text : texts) {
            File file = File.createTempFile("metadata", "");
            Files.write(file.toPath(), text.getBytes(StandardCharsets.UTF_8));
            for (byte b : text.getBytes(StandardCharsets.UTF_8))
                out.append(String.format("%02x", b));
            try {
                out.append("\t").append(new PartitionMetadataFile(file, CHANNEL).read().topicId()).append("\n");
            } catch (Exception e) {
                out.append("\tBAD\n");
            }
            file.delete();
        }
        Files.write(new File(dir, "partition-metadata-texts.tsv").toPath(), out.toString().getBytes(StandardCharsets.UTF_8));
    }

    public static void main(String[] args) throws Exception {
        File dir = new File(args[0]);
        snapshots(dir);
        checkpoints(dir);
        metaProperties(dir, "meta.properties", Optional.empty());
        metaProperties(dir, "meta-with-directory-id.properties", Optional.of(Uuid.fromString("SGVsbG8tQmFybmFiYXMhMA")));
        directoryNames(dir);
        toleranceOfCheckpoints(dir);
        toleranceOfPartitionMetadata(dir);
    }
}

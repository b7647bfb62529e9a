import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.AdminClient;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.LogDirDescription;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.admin.ReplicaInfo;
import org.apache.kafka.common.TopicPartition;

/** What the admin client has had since version 2.8. */
public final class AdminModern implements Driver.Commands {
    @Override
    public Object run(String command, Map<String, String> arguments) throws Exception {
        if (!command.startsWith("admin-")) {
            return null;
        }
        try (AdminClient admin = AdminClient.create(Messenger.settings(arguments))) {
            switch (command) {
                case "admin-partitions":
                    admin.createPartitions(Collections.singletonMap(arguments.get("topic"),
                        NewPartitions.increaseTo(Integer.parseInt(arguments.get("partitions"))))).all().get();
                    return true;
                case "admin-alter-configs":
                    return alterConfigs(admin, arguments);
                case "admin-delete-records":
                    return admin.deleteRecords(Collections.singletonMap(partition(arguments),
                            RecordsToDelete.beforeOffset(Long.parseLong(arguments.get("offset")))))
                        .lowWatermarks().get(partition(arguments)).get().lowWatermark();
                case "admin-offset":
                    return offset(admin, arguments);
                case "admin-log-dirs":
                    return logDirs(admin, arguments);
                default:
                    return null;
            }
        }
    }

    static TopicPartition partition(Map<String, String> arguments) {
        return new TopicPartition(arguments.get("topic"), Integer.parseInt(arguments.getOrDefault("partition", "0")));
    }

    /** configs=a=1,b=2 sets, delete=c,d deletes. */
    private static Object alterConfigs(AdminClient admin, Map<String, String> arguments) throws Exception {
        Collection<AlterConfigOp> steps = new ArrayList<>();
        for (Map.Entry<String, String> pair : Admin.pairs(arguments.getOrDefault("configs", "")).entrySet()) {
            steps.add(new AlterConfigOp(new ConfigEntry(pair.getKey(), pair.getValue()), AlterConfigOp.OpType.SET));
        }
        for (String name : arguments.getOrDefault("delete", "").split(",")) {
            if (!name.isEmpty()) {
                steps.add(new AlterConfigOp(new ConfigEntry(name, null), AlterConfigOp.OpType.DELETE));
            }
        }
        admin.incrementalAlterConfigs(Collections.singletonMap(Admin.resource(arguments), steps)).all().get();
        return true;
    }

    private static Object offset(AdminClient admin, Map<String, String> arguments) throws Exception {
        String at = arguments.get("at");
        OffsetSpec spec = at.equals("earliest") ? OffsetSpec.earliest()
            : at.equals("latest") ? OffsetSpec.latest() : OffsetSpec.forTimestamp(Long.parseLong(at));
        return admin.listOffsets(Collections.singletonMap(partition(arguments), spec))
            .partitionResult(partition(arguments)).get().offset();
    }

    private static Object logDirs(AdminClient admin, Map<String, String> arguments) throws Exception {
        int broker = Integer.parseInt(arguments.get("id"));
        Map<String, Object> out = new HashMap<>();
        Map<String, LogDirDescription> dirs =
            admin.describeLogDirs(Collections.singletonList(broker)).allDescriptions().get().get(broker);
        for (Map.Entry<String, LogDirDescription> dir : dirs.entrySet()) {
            Map<String, Object> replicas = new HashMap<>();
            for (Map.Entry<TopicPartition, ReplicaInfo> one : dir.getValue().replicaInfos().entrySet()) {
                replicas.put(one.getKey().toString(), one.getValue().size());
            }
            out.put(dir.getKey(), replicas);
        }
        return out;
    }
}

import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.kafka.clients.admin.AdminClient;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.TopicPartitionInfo;
import org.apache.kafka.common.config.ConfigResource;

/** What the admin client of every version can do. */
public final class Admin implements Driver.Commands {
    @Override
    public Object run(String command, Map<String, String> arguments) throws Exception {
        if (!command.startsWith("admin-")) {
            return null;
        }
        try (AdminClient admin = AdminClient.create(Messenger.settings(arguments))) {
            switch (command) {
                case "admin-create":
                    return create(admin, arguments);
                case "admin-list":
                    return new TreeSet<>(admin.listTopics().names().get());
                case "admin-delete":
                    admin.deleteTopics(Collections.singletonList(arguments.get("topic"))).all().get();
                    return true;
                case "admin-describe":
                    return describe(admin, arguments);
                case "admin-configs":
                    return configs(admin, arguments);
                case "admin-cluster":
                    return cluster(admin);
                default:
                    return null;
            }
        }
    }

    private static Object create(AdminClient admin, Map<String, String> arguments) throws Exception {
        NewTopic topic = new NewTopic(arguments.get("topic"),
            Integer.parseInt(arguments.getOrDefault("partitions", "1")),
            Short.parseShort(arguments.getOrDefault("replication", "1")));
        topic.configs(pairs(arguments.getOrDefault("configs", "")));
        admin.createTopics(Collections.singletonList(topic)).all().get();
        return true;
    }

    /** "a=1,b=2" as a map. */
    static Map<String, String> pairs(String text) {
        Map<String, String> out = new HashMap<>();
        for (String pair : text.split(",")) {
            int at = pair.indexOf('=');
            if (at > 0) {
                out.put(pair.substring(0, at), pair.substring(at + 1));
            }
        }
        return out;
    }

    @SuppressWarnings("unchecked")
    private static Object describe(AdminClient admin, Map<String, String> arguments) throws Exception {
        Object asked = admin.describeTopics(Collections.singletonList(arguments.get("topic")));
        KafkaFuture<Map<String, TopicDescription>> future =
            (KafkaFuture<Map<String, TopicDescription>>) Driver.call(asked, "allTopicNames", "all");
        TopicDescription description = future.get().get(arguments.get("topic"));
        List<Object> partitions = new ArrayList<>();
        for (TopicPartitionInfo partition : description.partitions()) {
            Map<String, Object> out = new HashMap<>();
            out.put("partition", partition.partition());
            out.put("leader", partition.leader() == null ? -1 : partition.leader().id());
            out.put("replicas", ids(partition.replicas()));
            out.put("isr", ids(partition.isr()));
            partitions.add(out);
        }
        Map<String, Object> out = new HashMap<>();
        out.put("name", description.name());
        out.put("internal", description.isInternal());
        out.put("partitions", partitions);
        return out;
    }

    private static List<Object> ids(Collection<Node> nodes) {
        List<Object> ids = new ArrayList<>();
        for (Node node : nodes) {
            ids.add(node.id());
        }
        return ids;
    }

    static ConfigResource resource(Map<String, String> arguments) {
        return new ConfigResource(ConfigResource.Type.valueOf(arguments.getOrDefault("type", "TOPIC")),
            arguments.get("name"));
    }

    private static Object configs(AdminClient admin, Map<String, String> arguments) throws Exception {
        ConfigResource resource = resource(arguments);
        Config config = admin.describeConfigs(Collections.singletonList(resource)).all().get().get(resource);
        Map<String, Object> out = new TreeMap<>();
        for (ConfigEntry entry : config.entries()) {
            Map<String, Object> one = new HashMap<>();
            one.put("value", entry.value());
            one.put("default", entry.isDefault());
            one.put("read_only", entry.isReadOnly());
            one.put("sensitive", entry.isSensitive());
            out.put(entry.name(), one);
        }
        return out;
    }

    private static Object cluster(AdminClient admin) throws Exception {
        Map<String, Object> out = new HashMap<>();
        out.put("id", admin.describeCluster().clusterId().get());
        out.put("controller", admin.describeCluster().controller().get().id());
        out.put("nodes", ids(admin.describeCluster().nodes().get()));
        return out;
    }
}

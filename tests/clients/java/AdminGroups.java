import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.apache.kafka.clients.admin.AdminClient;
import org.apache.kafka.clients.admin.AlterConsumerGroupOffsetsResult;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.admin.ConsumerGroupListing;
import org.apache.kafka.clients.admin.DeleteConsumerGroupOffsetsResult;
import org.apache.kafka.clients.admin.ListConsumerGroupOffsetsSpec;
import org.apache.kafka.clients.admin.MemberDescription;
import org.apache.kafka.clients.admin.MemberToRemove;
import org.apache.kafka.clients.admin.RemoveMembersFromConsumerGroupOptions;
import org.apache.kafka.clients.admin.RemoveMembersFromConsumerGroupResult;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;

/** What the admin client does with groups, since version 3.3. Outcomes are "ok" or the name of what was thrown. */
public final class AdminGroups implements Driver.Commands {
    @Override
    public Object run(String command, Map<String, String> arguments) throws Exception {
        if (!command.startsWith("admin-groups-")) {
            return null;
        }
        try (AdminClient admin = AdminClient.create(Messenger.settings(arguments))) {
            String group = arguments.get("group");
            switch (command.substring("admin-groups-".length())) {
                case "list":
                    return list(admin);
                case "describe":
                    return describe(admin, group);
                case "offsets":
                    return offsets(admin, words(arguments, "groups"));
                case "alter-offsets":
                    return alterOffsets(admin, group, words(arguments, "offsets"));
                case "delete-offsets":
                    return deleteOffsets(admin, group, words(arguments, "partitions"));
                case "remove-members":
                    return removeMembers(admin, group, words(arguments, "instances"));
                case "delete":
                    return outcomes(admin.deleteConsumerGroups(words(arguments, "groups")).deletedGroups());
                default:
                    return null;
            }
        }
    }

    private static List<String> words(Map<String, String> arguments, String name) {
        return Arrays.asList(arguments.get(name).split(","));
    }

    /** "topic:0" */
    private static TopicPartition partition(String text) {
        int at = text.lastIndexOf(':');
        return new TopicPartition(text.substring(0, at), Integer.parseInt(text.substring(at + 1)));
    }

    private static String text(TopicPartition partition) {
        return partition.topic() + ":" + partition.partition();
    }

    static String outcome(KafkaFuture<?> future) throws InterruptedException {
        try {
            future.get();
            return "ok";
        } catch (java.util.concurrent.ExecutionException problem) {
            return problem.getCause().getClass().getSimpleName() + ": " + problem.getCause().getMessage();
        }
    }

    private static Map<String, Object> outcomes(Map<String, KafkaFuture<Void>> futures) throws InterruptedException {
        Map<String, Object> out = new TreeMap<>();
        for (Map.Entry<String, KafkaFuture<Void>> one : futures.entrySet()) {
            out.put(one.getKey(), outcome(one.getValue()));
        }
        return out;
    }

    private static Object list(AdminClient admin) throws Exception {
        Map<String, Object> out = new TreeMap<>();
        for (ConsumerGroupListing one : admin.listConsumerGroups().all().get()) {
            Map<String, Object> fields = new HashMap<>();
            fields.put("simple", one.isSimpleConsumerGroup());
            fields.put("state", String.valueOf(optional(Driver.call(one, "groupState", "state"))));
            fields.put("type", String.valueOf(optional(Driver.call(one, "type"))));
            out.put(one.groupId(), fields);
        }
        return out;
    }

    private static Object optional(Object value) {
        return ((java.util.Optional<?>) value).orElse(null);
    }

    private static Object describe(AdminClient admin, String group) throws Exception {
        ConsumerGroupDescription found = admin
            .describeConsumerGroups(java.util.Collections.singletonList(group)).describedGroups().get(group).get();
        Map<String, Object> out = new LinkedHashMap<>();
        out.put("state", String.valueOf(Driver.call(found, "groupState", "state")));
        out.put("assignor", found.partitionAssignor());
        out.put("simple", found.isSimpleConsumerGroup());
        out.put("coordinator", found.coordinator().id());
        out.put("members", members(found.members()));
        return out;
    }

    static Object members(Collection<MemberDescription> members) {
        Map<String, Object> out = new TreeMap<>();
        for (MemberDescription member : members) {
            Map<String, Object> fields = new HashMap<>();
            fields.put("host", member.host());
            fields.put("instance", member.groupInstanceId().orElse(null));
            List<String> partitions = new ArrayList<>();
            member.assignment().topicPartitions().forEach(partition -> partitions.add(text(partition)));
            partitions.sort(null);
            fields.put("partitions", partitions);
            out.put(member.clientId(), fields);
        }
        return out;
    }

    private static Object offsets(AdminClient admin, List<String> groups) throws Exception {
        Map<String, ListConsumerGroupOffsetsSpec> asked = new HashMap<>();
        for (String group : groups) {
            asked.put(group, new ListConsumerGroupOffsetsSpec());
        }
        Map<String, Object> out = new TreeMap<>();
        admin.listConsumerGroupOffsets(asked).all().get().forEach((group, offsets) -> {
            Map<String, Object> plain = new TreeMap<>();
            offsets.forEach((partition, offset) -> plain.put(text(partition), offset.offset()));
            out.put(group, plain);
        });
        return out;
    }

    private static Object alterOffsets(AdminClient admin, String group, List<String> wanted) throws Exception {
        Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
        for (String word : wanted) {
            int at = word.indexOf('=');
            offsets.put(partition(word.substring(0, at)),
                new OffsetAndMetadata(Long.parseLong(word.substring(at + 1)), "altered"));
        }
        AlterConsumerGroupOffsetsResult result = admin.alterConsumerGroupOffsets(group, offsets);
        Map<String, Object> out = new TreeMap<>();
        for (TopicPartition partition : offsets.keySet()) {
            out.put(text(partition), outcome(result.partitionResult(partition)));
        }
        return out;
    }

    private static Object deleteOffsets(AdminClient admin, String group, List<String> wanted) throws Exception {
        Set<TopicPartition> partitions = new HashSet<>();
        wanted.forEach(word -> partitions.add(partition(word)));
        DeleteConsumerGroupOffsetsResult result = admin.deleteConsumerGroupOffsets(group, partitions);
        Map<String, Object> out = new TreeMap<>();
        for (TopicPartition partition : partitions) {
            out.put(text(partition), outcome(result.partitionResult(partition)));
        }
        return out;
    }

    /** instances: those, or "*" for every member, dynamic ones too. */
    private static Object removeMembers(AdminClient admin, String group, List<String> instances) throws Exception {
        if (instances.equals(Arrays.asList("*"))) {
            return outcome(
                admin.removeMembersFromConsumerGroup(group, new RemoveMembersFromConsumerGroupOptions()).all());
        }
        Set<MemberToRemove> members = new HashSet<>();
        instances.forEach(instance -> members.add(new MemberToRemove(instance)));
        RemoveMembersFromConsumerGroupResult result =
            admin.removeMembersFromConsumerGroup(group, new RemoveMembersFromConsumerGroupOptions(members));
        Map<String, Object> out = new TreeMap<>();
        for (MemberToRemove member : members) {
            out.put(member.groupInstanceId(), outcome(result.memberResult(member)));
        }
        return out;
    }
}

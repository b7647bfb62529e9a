import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.clients.admin.AdminClient;
import org.apache.kafka.clients.admin.ClassicGroupDescription;
import org.apache.kafka.clients.admin.GroupListing;

/** What the admin client has had since version 4.0: groups whatever their protocol. */
public final class AdminGroupsOfAllKinds implements Driver.Commands {
    @Override
    public Object run(String command, Map<String, String> arguments) throws Exception {
        if (!command.startsWith("admin-all-groups-")) {
            return null;
        }
        try (AdminClient admin = AdminClient.create(Messenger.settings(arguments))) {
            return command.endsWith("list") ? list(admin) : describe(admin, arguments.get("group"));
        }
    }

    private static Object list(AdminClient admin) throws Exception {
        Map<String, Object> out = new TreeMap<>();
        for (GroupListing one : admin.listGroups().all().get()) {
            Map<String, Object> fields = new HashMap<>();
            fields.put("type", String.valueOf(one.type().orElse(null)));
            fields.put("protocol", one.protocol());
            fields.put("state", String.valueOf(one.groupState().orElse(null)));
            out.put(one.groupId(), fields);
        }
        return out;
    }

    private static Object describe(AdminClient admin, String group) throws Exception {
        ClassicGroupDescription found = admin.describeClassicGroups(Collections.singletonList(group))
            .describedGroups().get(group).get();
        Map<String, Object> out = new LinkedHashMap<>();
        out.put("state", String.valueOf(found.state()));
        out.put("protocol", found.protocol());
        out.put("protocol_data", found.protocolData());
        out.put("members", AdminGroups.members(found.members()));
        return out;
    }
}

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.AdminClient;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;

/** What left the admin client with version 4. */
public final class AdminOld implements Driver.Commands {
    @Override
    public Object run(String command, Map<String, String> arguments) throws Exception {
        if (!command.equals("admin-replace-configs")) {
            return null;
        }
        List<ConfigEntry> entries = new ArrayList<>();
        for (Map.Entry<String, String> pair : Admin.pairs(arguments.get("configs")).entrySet()) {
            entries.add(new ConfigEntry(pair.getKey(), pair.getValue()));
        }
        try (AdminClient admin = AdminClient.create(Messenger.settings(arguments))) {
            admin.alterConfigs(Collections.singletonMap(Admin.resource(arguments), new Config(entries))).all().get();
        }
        return true;
    }
}

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.AdminClient;
import org.apache.kafka.clients.admin.ProducerState;

/** What the admin client has had since version 3.0. */
public final class AdminProducers implements Driver.Commands {
    @Override
    public Object run(String command, Map<String, String> arguments) throws Exception {
        if (!command.equals("admin-producers")) {
            return null;
        }
        List<Object> out = new ArrayList<>();
        try (AdminClient admin = AdminClient.create(Messenger.settings(arguments))) {
            for (ProducerState state : admin
                .describeProducers(Collections.singletonList(AdminModern.partition(arguments)))
                .partitionResult(AdminModern.partition(arguments)).get().activeProducers()) {
                Map<String, Object> one = new HashMap<>();
                one.put("id", state.producerId());
                one.put("epoch", state.producerEpoch());
                one.put("last_sequence", state.lastSequence());
                out.add(one);
            }
        }
        return out;
    }
}

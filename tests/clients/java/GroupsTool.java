import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.kafka.common.utils.Exit;
import org.apache.kafka.tools.consumer.group.ConsumerGroupCommand;

/** Kafka's own kafka-consumer-groups.sh, many times in one process. Arguments are separated by newlines. */
public final class GroupsTool implements Driver.Commands {
    private static final class Ended extends RuntimeException {
        private static final long serialVersionUID = 1;
        final int status;

        Ended(int status, String message) {
            super(message);
            this.status = status;
        }
    }

    @Override
    public Object run(String command, Map<String, String> arguments) {
        if (!command.equals("groups-tool")) {
            return null;
        }
        PrintStream out = System.out;
        PrintStream err = System.err;
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        ByteArrayOutputStream complained = new ByteArrayOutputStream();
        System.setOut(new PrintStream(said, true));
        System.setErr(new PrintStream(complained, true));
        Exit.setExitProcedure((status, message) -> {
            throw new Ended(status, message);
        });
        Map<String, Object> answer = new LinkedHashMap<>();
        answer.put("status", 0);
        try {
            ConsumerGroupCommand.main(arguments.get("words").split("\n"));
        } catch (Ended ended) {
            answer.put("status", ended.status);
            answer.put("message", ended.getMessage());
        } finally {
            Exit.resetExitProcedure();
            System.out.flush();
            System.setOut(out);
            System.setErr(err);
        }
        answer.put("out", new String(said.toByteArray(), StandardCharsets.UTF_8));
        answer.put("err", new String(complained.toByteArray(), StandardCharsets.UTF_8));
        return answer;
    }
}

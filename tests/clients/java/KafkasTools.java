import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.common.utils.Exit;

/**
 * Kafka's own command line tools, many times in one process: those that are written in Java, end and read nothing.
 * Told the class of a tool and its arguments, separated by newlines.
 */
public final class KafkasTools implements Driver.Commands {
    @Override
    public Object run(String command, Map<String, String> arguments) throws Exception {
        if (!command.equals("tool")) {
            return null;
        }
        PrintStream out = System.out;
        PrintStream err = System.err;
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        ByteArrayOutputStream complained = new ByteArrayOutputStream();
        String text = arguments.get("words");
        System.setOut(new PrintStream(said, true, "UTF-8"));
        System.setErr(new PrintStream(complained, true, "UTF-8"));
        Map<String, Object> answer = new LinkedHashMap<>();
        try {
            answer.put("status", statusOf(arguments.get("class"), text.isEmpty() ? new String[0] : text.split("\n")));
        } finally {
            Exit.resetExitProcedure();
            System.out.flush();
            System.err.flush();
            System.setOut(out);
            System.setErr(err);
        }
        answer.put("out", new String(said.toByteArray(), StandardCharsets.UTF_8));
        answer.put("err", new String(complained.toByteArray(), StandardCharsets.UTF_8));
        return answer;
    }

    /** A tool that exits stands still for ever: nothing of it may run that would not in a process of its own. */
    private static int statusOf(String tool, String[] words) throws Exception {
        CompletableFuture<Integer> status = new CompletableFuture<>();
        Exit.setExitProcedure((code, message) -> {
            status.complete(code);
            while (true) {
                LockSupport.park();
            }
        });
        Thread thread = new Thread(() -> {
            try {
                Class.forName(tool).getMethod("main", String[].class).invoke(null, (Object) words);
                status.complete(0);
            } catch (InvocationTargetException thrown) {
                System.err.print("Exception in thread \"main\" ");
                thrown.getCause().printStackTrace();
                status.complete(1);
            } catch (ReflectiveOperationException noTool) {
                status.completeExceptionally(noTool);
            }
        });
        thread.setDaemon(true);
        thread.start();
        return status.get();
    }
}

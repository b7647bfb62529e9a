import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A Kafka client that does what it is told, one line at a time: reads "command key=value ..." from its
 * standard input, answers with one line of JSON. One process serves all cases of a test run, since a JVM's
 * start costs more than most cases. Values are percent-encoded.
 *
 * The sources here compile against kafka-clients 0.11 up to 4.x. What only some of these versions have is
 * in a class of its own (AdminOld, AdminModern, AdminProducers and so on), which is compiled where it can be.
 */
public final class Driver {
    /** A group of commands. Returns the answer (a tree of Map, List, String, Number, Boolean), or null for a
     *  command that it does not know. */
    public interface Commands {
        Object run(String command, Map<String, String> arguments) throws Exception;
    }

    public static void main(String[] arguments) throws Exception {
        PrintStream answers = System.out;
        System.setOut(System.err);
        List<Commands> all = new ArrayList<>();
        for (String name : new String[] {"Messenger", "Admin", "AdminOld", "AdminModern",
            "AdminProducers", "AdminGroups", "AdminGroupsOfAllKinds", "KafkasTools", "SpringSender"}) {
            try {
                all.add((Commands) Class.forName(name).getDeclaredConstructor().newInstance());
            } catch (ClassNotFoundException | NoClassDefFoundError notInThisVersion) {
                System.err.println("without " + name);
            }
        }
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        String line;
        while ((line = lines.readLine()) != null) {
            StringBuilder out = new StringBuilder();
            write(out, answer(all, line.trim()));
            answers.write((out + "\n").getBytes(StandardCharsets.UTF_8));
            answers.flush();
        }
        System.exit(0);
    }

    private static Object answer(List<Commands> all, String line) {
        Map<String, Object> answer = new HashMap<>();
        try {
            String[] words = line.split(" ");
            Map<String, String> arguments = new HashMap<>();
            for (int i = 1; i < words.length; i++) {
                int at = words[i].indexOf('=');
                arguments.put(words[i].substring(0, at), decode(words[i].substring(at + 1)));
            }
            for (Commands commands : all) {
                Object result = commands.run(words[0], arguments);
                if (result != null) {
                    answer.put("result", result);
                    return answer;
                }
            }
            answer.put("unknown", words[0]);
        } catch (Throwable problem) {
            Throwable root = problem;
            while (root.getCause() != null) {
                root = root.getCause();
            }
            answer.put("error", root.getClass().getSimpleName());
            answer.put("message", String.valueOf(root.getMessage()));
            problem.printStackTrace();
        }
        return answer;
    }

    private static String decode(String text) throws Exception {
        return java.net.URLDecoder.decode(text, "UTF-8");
    }

    /** Calls the first of these methods, all without parameters, that the object's class has. */
    static Object call(Object object, String... names) throws Exception {
        for (String name : names) {
            try {
                java.lang.reflect.Method method = object.getClass().getMethod(name);
                method.setAccessible(true);
                return method.invoke(object);
            } catch (NoSuchMethodException tryTheNext) {
                continue;
            }
        }
        throw new NoSuchMethodException(String.join(" or ", names));
    }

    static void write(StringBuilder out, Object value) {
        if (value instanceof Map) {
            char before = '{';
            for (Map.Entry<?, ?> entry : ((Map<?, ?>) value).entrySet()) {
                out.append(before);
                write(out, String.valueOf(entry.getKey()));
                out.append(':');
                write(out, entry.getValue());
                before = ',';
            }
            out.append(before == '{' ? "{}" : "}");
        } else if (value instanceof Iterable) {
            char before = '[';
            for (Object item : (Iterable<?>) value) {
                out.append(before);
                write(out, item);
                before = ',';
            }
            out.append(before == '[' ? "[]" : "]");
        } else if (value == null || value instanceof Number || value instanceof Boolean) {
            out.append(value);
        } else {
            out.append('"');
            for (char c : value.toString().toCharArray()) {
                if (c == '"' || c == '\\') {
                    out.append('\\').append(c);
                } else if (c < ' ' || c > '~') {
                    out.append(String.format("\\u%04x", (int) c));
                } else {
                    out.append(c);
                }
            }
            out.append('"');
        }
    }
}

import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.lang.reflect.ParameterizedType;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Scanner;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.MessageUtil;
import org.apache.kafka.common.protocol.types.Schema;
import org.apache.kafka.common.protocol.types.TaggedFields;
import org.apache.kafka.common.protocol.types.Type;
import org.apache.kafka.common.record.BaseRecords;
import org.apache.kafka.common.record.MemoryRecords;

/**
 * Writes one line for each message, version and round: "name version hex", encoded by Kafka's own classes.
 *
 * <p>Names come on standard input. Round 0 is the message with its defaults, the later ones hold values of a
 * generator that is seeded by name, version and round: the same names give the same lines. What a version
 * carries is read from the schema inside the message class.
 */
public final class MakeVectors {
    private static final int ROUNDS = 8;
    private static final String[] PLACES = {
        "org.apache.kafka.common.message.%sData",
        "org.apache.kafka.common.message.%s",
        "org.apache.kafka.coordinator.group.generated.%s",
        "org.apache.kafka.coordinator.transaction.generated.%s",
    };

    private final Random random;

    private MakeVectors(long seed) {
        random = new Random(seed);
    }

    public static void main(String[] args) throws Exception {
        StringBuilder out = new StringBuilder();
        Scanner names = new Scanner(System.in, "UTF-8");
        while (names.hasNext()) {
            String name = names.next();
            Class<?> type = find(name);
            Message model = (Message) make(type);
            for (short v = model.lowestSupportedVersion(); v <= model.highestSupportedVersion(); v++) {
                for (int round = 0; round < ROUNDS; round++) {
                    Message message = (Message) make(type);
                    if (round > 0) {
                        MakeVectors maker = new MakeVectors(name.hashCode() * 1000003L + v * 101L + round);
                        maker.fill(message, v);
                    }
                    ByteBuffer bytes;
                    try {
                        bytes = MessageUtil.toByteBuffer(message, v);
                    } catch (NullPointerException e) {
                        continue; // the defaults of this one cannot be encoded
                    }
                    out.append(name).append(' ').append(v).append(' ');
                    while (bytes.hasRemaining()) {
                        out.append(String.format("%02x", bytes.get()));
                    }
                    out.append('\n');
                }
            }
        }
        System.out.print(out);
    }

    private static Class<?> find(String name) throws ClassNotFoundException {
        for (String place : PLACES) {
            try {
                return Class.forName(String.format(place, name));
            } catch (ClassNotFoundException e) {
                // the next place
            }
        }
        throw new ClassNotFoundException(name);
    }

    private static Object make(Class<?> type) throws Exception {
        Constructor<?> constructor = type.getDeclaredConstructor();
        constructor.setAccessible(true);
        return constructor.newInstance();
    }

    private void fill(Object object, short version) throws Exception {
        Schema[] schemas = (Schema[]) object.getClass().getField("SCHEMAS").get(null);
        Schema schema = schemas[version];
        for (org.apache.kafka.common.protocol.types.BoundField bound : schema.fields()) {
            if (bound.def.type instanceof TaggedFields) {
                Map<?, ?> tagged = (Map<?, ?>) member(TaggedFields.class, "fields").get(bound.def.type);
                for (Object entry : tagged.values()) {
                    org.apache.kafka.common.protocol.types.Field field =
                        (org.apache.kafka.common.protocol.types.Field) entry;
                    if (random.nextInt(4) > 0) {
                        set(object, field.name, field.type, version);
                    }
                }
            } else {
                set(object, bound.def.name, bound.def.type, version);
            }
        }
    }

    private void set(Object object, String name, Type type, short version) throws Exception {
        Field field = member(object.getClass(), name);
        Object present = field.get(object);
        boolean struct = type instanceof Schema;
        boolean nullable = type.isNullable() || (struct && present == null);
        if (nullable && random.nextInt(4) == 0) {
            field.set(object, null);
        } else if (type.isArray()) {
            field.set(object, array(field, (Type) type.arrayElementType().get(), version));
        } else if (struct) {
            Object inner = make(field.getType());
            fill(inner, version);
            field.set(object, inner);
        } else {
            field.set(object, value(type, field.getType()));
        }
    }

    private static Field member(Class<?> type, String name) throws NoSuchFieldException {
        for (Field field : type.getDeclaredFields()) {
            if (field.getName().equalsIgnoreCase(name.replace("_", ""))) {
                field.setAccessible(true);
                return field;
            }
        }
        throw new NoSuchFieldException(type + " " + name);
    }

    @SuppressWarnings("unchecked")
    private Object array(Field field, Type element, short version) throws Exception {
        boolean list = field.getType() == List.class;
        Collection<Object> items = list ? new ArrayList<>() : (Collection<Object>) make(field.getType());
        int count = random.nextInt(3);
        for (int i = 0; i < count; i++) {
            if (element instanceof Schema) {
                Object item = make(elementClass(field));
                fill(item, version);
                items.add(item);
            } else {
                items.add(value(element, Object.class));
            }
        }
        return items;
    }

    private static Class<?> elementClass(Field field) {
        java.lang.reflect.Type type = field.getType() == List.class
            ? field.getGenericType() : field.getType().getGenericSuperclass();
        return (Class<?>) ((ParameterizedType) type).getActualTypeArguments()[0];
    }

    private Object value(Type type, Class<?> target) {
        switch (type.toString()) {
            case "BOOLEAN":
                return random.nextBoolean();
            case "INT8":
                return (byte) number();
            case "INT16":
                return (short) number();
            case "UINT16":
                return (int) number() & 0xffff;
            case "INT32":
                return (int) number();
            case "INT64":
                return number();
            case "FLOAT64":
                return random.nextGaussian();
            case "UUID":
                return new Uuid(number(), number());
            case "STRING":
            case "NULLABLE_STRING":
            case "COMPACT_STRING":
            case "COMPACT_NULLABLE_STRING":
                return text();
            default:
                return bytes(target);
        }
    }

    /** Of any size, small ones as often as large ones. */
    private long number() {
        return random.nextLong() >> random.nextInt(64);
    }

    private String text() {
        String letters = "abcdefghijklmnopqrstuvwxyz.-_0123456789\u00fc\u20ac";
        StringBuilder out = new StringBuilder();
        int length = random.nextInt(40) == 0 ? 150 : random.nextInt(10);
        for (int i = 0; i < length; i++) {
            out.append(letters.charAt(random.nextInt(letters.length())));
        }
        return out.toString();
    }

    private Object bytes(Class<?> target) {
        byte[] content = new byte[random.nextInt(24)];
        random.nextBytes(content);
        if (target == BaseRecords.class) {
            return MemoryRecords.readableRecords(ByteBuffer.wrap(content));
        }
        return target == byte[].class ? content : ByteBuffer.wrap(content);
    }
}

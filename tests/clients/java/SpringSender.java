import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.springframework.kafka.core.DefaultKafkaProducerFactory;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.support.SendResult;
import org.springframework.util.concurrent.ListenableFuture;
import org.springframework.util.concurrent.ListenableFutureCallback;

/** Spring's KafkaTemplate in the three ways that its users send: async, callback, sync. */
public final class SpringSender implements Driver.Commands {
    @Override
    public Object run(String command, Map<String, String> arguments) throws Exception {
        if (!command.equals("spring-produce")) {
            return null;
        }
        Map<String, Object> settings = new HashMap<>();
        Messenger.producerSettings(arguments).forEach((key, value) -> settings.put((String) key, value));
        DefaultKafkaProducerFactory<byte[], byte[]> factory = new DefaultKafkaProducerFactory<>(settings);
        try {
            return Collections.singletonMap("offsets", send(new KafkaTemplate<>(factory), arguments));
        } finally {
            factory.destroy();
        }
    }

    private static List<Object> send(KafkaTemplate<byte[], byte[]> template, Map<String, String> arguments)
        throws Exception {
        int count = Integer.parseInt(arguments.get("count"));
        String way = arguments.get("way");
        Map<Integer, Object> offsets = new ConcurrentSkipListMap<>();
        Map<Integer, ListenableFuture<SendResult<byte[], byte[]>>> sent = new TreeMap<>();
        CountDownLatch called = new CountDownLatch(count);
        for (int i = 0; i < count; i++) {
            int number = i;
            ListenableFuture<SendResult<byte[], byte[]>> future =
                template.send(Messages.record(arguments.get("topic"), 0, arguments.get("seed"), i));
            if (way.equals("sync")) {
                offsets.put(i, future.get(30, TimeUnit.SECONDS).getRecordMetadata().offset());
            } else if (way.equals("callback")) {
                future.addCallback(new ListenableFutureCallback<SendResult<byte[], byte[]>>() {
                    @Override
                    public void onSuccess(SendResult<byte[], byte[]> result) {
                        offsets.put(number, result.getRecordMetadata().offset());
                        called.countDown();
                    }

                    @Override
                    public void onFailure(Throwable problem) {
                        problem.printStackTrace();
                        called.countDown();
                    }
                });
            } else {
                sent.put(i, future);
            }
        }
        template.flush();
        if (way.equals("callback") && !called.await(30, TimeUnit.SECONDS)) {
            throw new IllegalStateException(called.getCount() + " callbacks did not come");
        }
        for (Map.Entry<Integer, ListenableFuture<SendResult<byte[], byte[]>>> one : sent.entrySet()) {
            offsets.put(one.getKey(), one.getValue().get(30, TimeUnit.SECONDS).getRecordMetadata().offset());
        }
        if (offsets.size() != count) {
            throw new IllegalStateException(offsets.size() + " of " + count + " sends succeeded");
        }
        return new ArrayList<>(offsets.values());
    }
}

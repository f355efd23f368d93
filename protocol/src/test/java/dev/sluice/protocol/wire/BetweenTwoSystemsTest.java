package dev.sluice.protocol.wire;

import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.ConfigFactory;
import dev.sluice.protocol.Tensor;
import dev.sluice.protocol.message.CriticMessage;
import java.io.NotSerializableException;
import java.time.Duration;
import org.apache.pekko.actor.Dropped;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.LogCapturingExtension;
import org.apache.pekko.actor.testkit.typed.javadsl.LoggingTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorRefResolver;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Over a real connection: what arrives, what the sender hears of what does not, and that the connection outlives it. */
@ExtendWith(LogCapturingExtension.class)
class BetweenTwoSystemsTest {
    private record Tick() implements CriticMessage.Local {}

    private static final Duration PATIENCE = Duration.ofSeconds(20);

    private static final String REMOTING = """
            pekko.actor.provider = remote
            pekko.remote.warn-about-direct-use = off
            pekko.actor.testkit.typed.filter-leeway = 20s
            pekko.remote.artery {
              transport = tcp
              canonical { hostname = "127.0.0.1", port = 0 }
              large-message-destinations = ["/user/large*"]
            }
            """;

    private static ActorTestKit sender;
    private static ActorTestKit receiver;
    private static TestProbe<CriticMessage> arrivals;
    /** Two ways to the probe: this one takes the large-message lane. */
    private static ActorRef<CriticMessage> large;

    private static ActorRef<CriticMessage> ordinary;

    @BeforeAll
    static void start() {
        String lying = "pekko.actor.serializers.sluice = \"" + LyingSerializer.class.getName() + "\"\n";
        sender = ActorTestKit.create(
                "sender", ConfigFactory.parseString(lying + REMOTING).withFallback(ConfigFactory.load()));
        receiver = ActorTestKit.create(
                "receiver", ConfigFactory.parseString(REMOTING).withFallback(ConfigFactory.load()));
        arrivals = receiver.createTestProbe(CriticMessage.class);
        large = remote("large");
        ordinary = remote("ordinary");
    }

    @AfterAll
    static void stop() {
        sender.shutdownTestKit();
        receiver.shutdownTestKit();
    }

    @Test
    void aBatchOfOneAndAHalfMegabytesArrivesAsItWas() {
        CriticMessage.Samples batch = batch(400_000);
        large.tell(batch);
        assertThat(arrivals.receiveMessage(PATIENCE)).isEqualTo(batch);
    }

    @Test
    void aMessageAboveTheLimitIsAnErrorAndADropAtTheSender() {
        assertDropped(large, batch(600_000), "the limit sluice.wire.max-frame is 2031616");
    }

    @Test
    void aMessageAboveItsLaneIsAnErrorAndADropAtTheSender() {
        assertDropped(ordinary, batch(100_000), "pekko.remote.artery.large-message-destinations");
    }

    @Test
    void aLocalMessageIsAnErrorAtTheSender() {
        LoggingTestKit.error("Failed to serialize message")
                .withCause(IllegalArgumentException.class)
                .expect(sender.system(), () -> {
                    ordinary.tell(new Tick());
                    return null;
                });
        assertStillConnected(ordinary);
    }

    @Test
    void aFrameThatLiesIsAnErrorAtTheReceiverAndCostsThatMessageOnly() {
        LoggingTestKit.error("Failed to deserialize message from [pekko://sender@127.0.0.1")
                .withCause(NotSerializableException.class)
                .expect(receiver.system(), () -> {
                    ordinary.tell(new CriticMessage.Release(7));
                    return null;
                });
        assertStillConnected(ordinary);
    }

    private static void assertDropped(ActorRef<CriticMessage> recipient, CriticMessage message, String error) {
        TestProbe<Dropped> dropped = sender.createTestProbe(Dropped.class);
        // The classic stream subscribes before it returns; the typed one some time later.
        Adapter.toClassic(sender.system()).eventStream().subscribe(Adapter.toClassic(dropped.getRef()), Dropped.class);
        LoggingTestKit.error(error).expect(sender.system(), () -> {
            recipient.tell(message);
            return null;
        });
        assertThat(dropped.receiveMessage(PATIENCE).message()).isEqualTo(message);
        assertStillConnected(recipient);
    }

    private static void assertStillConnected(ActorRef<CriticMessage> recipient) {
        CriticMessage next = batch(10);
        recipient.tell(next);
        assertThat(arrivals.receiveMessage(PATIENCE)).isEqualTo(next);
    }

    private static CriticMessage.Samples batch(int floats) {
        float[] values = new float[floats];
        for (int i = 0; i < floats; i++) {
            values[i] = i * 0.5f;
        }
        return new CriticMessage.Samples(1, 1, 0, 0, Tensor.owning(values, floats), Tensor.of(new long[0], 0));
    }

    private static ActorRef<CriticMessage> remote(String name) {
        ActorRef<CriticMessage> ref = receiver.spawn(
                Behaviors.receiveMessage(message -> {
                    arrivals.getRef().tell(message);
                    return Behaviors.same();
                }),
                name);
        String path = ActorRefResolver.get(receiver.system()).toSerializationFormat(ref);
        return ActorRefResolver.get(sender.system()).resolveActorRef(path);
    }
}

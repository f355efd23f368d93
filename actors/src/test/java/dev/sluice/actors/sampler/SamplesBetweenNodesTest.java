package dev.sluice.actors.sampler;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.actors.delivery.Courier;
import dev.sluice.actors.delivery.Nodes;
import dev.sluice.actors.workbench.Workplace;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.ModelCard;
import dev.sluice.protocol.PhasePlan;
import dev.sluice.protocol.Recipe.Schedule;
import dev.sluice.protocol.Tensor;
import dev.sluice.protocol.message.GenerationReply;
import dev.sluice.protocol.message.SamplerMessage;
import dev.sluice.protocol.message.SupervisorMessage;
import dev.sluice.runtime.network.NetworkCard;
import dev.sluice.runtime.sampling.Mixture;
import dev.sluice.runtime.sampling.MixturePlan;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.junit.jupiter.api.Test;

/** A request of one node to the sampler of another, for images that no message of Artery holds. */
class SamplesBetweenNodesTest {
    private static final List<Long> SHAPE = List.of(3L, 256L, 256L);
    private static final List<Long> SEEDS = List.of(7L, 8L, 9L);
    private static final long BYTES = SEEDS.size() * 3 * 256 * 256 * Float.BYTES;
    private static final Duration DEADLINE = Duration.ofSeconds(30);
    private static final SamplerSettings SETTINGS =
            new SamplerSettings(4, 4, Duration.ZERO, List.of(4), 0, Duration.ofMillis(1));
    private static final PhasePlan PHASES = new PhasePlan(List.of(1.0, 0.5, 0.0), List.of(0.0));

    private final FakeNetworks networks = new FakeNetworks();
    private final ModelCard model =
            new ModelCard("wide", SHAPE.stream().map(Long::intValue).toList(), List.of());
    private final ExpertRef teacher = networks.file(
            "teacher",
            new NetworkCard(model.sampleShape(), List.of(), Schedule.RECTIFIED_FLOW, 0, List.of(), Map.of()),
            (x, t, label) -> x - (float) t);

    private SamplerMessage.Serve serve(ActorRef<SupervisorMessage> supervisor) {
        return new SamplerMessage.Serve(
                1, model, PHASES, Schedule.RECTIFIED_FLOW, teacher, 2, 0, supervisor, Optional.empty());
    }

    private ActorRef<SamplerMessage> sampler(Nodes.Node node) {
        TestProbe<SupervisorMessage> supervisor = node.kit().createTestProbe();
        ActorRef<SamplerMessage> sampler = node.kit()
                .spawn(Sampler.create(
                        SETTINGS, new Workplace(networks, DispatcherSelector.blocking(), DEADLINE, node.courier())));
        sampler.tell(serve(supervisor.getRef()));
        supervisor.expectMessageClass(SupervisorMessage.RoleReady.class);
        return sampler;
    }

    private static SamplerClient client(Nodes.Node node, Courier courier) {
        return new SamplerClient(node.kit().system(), courier, node.kit()::spawn);
    }

    private Tensor computedHere() {
        MixturePlan plan = new MixturePlan(model, PHASES, Schedule.RECTIFIED_FLOW, teacher, 2, 0, List.of());
        long[] seeds = SEEDS.stream().mapToLong(Long::longValue).toArray();
        try (Mixture mixture = Mixture.open(plan, networks)) {
            return mixture.sample(seeds, new long[] {-1, -1, -1}, 1);
        }
    }

    @Test
    void imagesOfAnySizeArriveAsTheyWereMade() throws Exception {
        try (Nodes.Node here = Nodes.start("");
                Nodes.Node there = Nodes.start("")) {
            assertThat(BYTES)
                    .as("more than a frame")
                    .isGreaterThan(here.kit()
                            .system()
                            .settings()
                            .config()
                            .getBytes("pekko.remote.artery.advanced.maximum-frame-size"));
            SamplerClient client = client(here, here.courier());
            ActorRef<SamplerMessage> sampler = here.know(there, sampler(there));

            GenerationReply reply =
                    client.ask(sampler, "one", SEEDS, -1, DEADLINE).get(30, TimeUnit.SECONDS);

            assertThat(reply).isInstanceOfSatisfying(GenerationReply.Generated.class, made -> {
                assertThat(made.samples().byteSize()).isEqualTo((int) BYTES);
                assertThat(made.samples()).isEqualTo(computedHere());
            });
        }
    }

    @Test
    void imagesThatTheCourierDoesNotCarryAreRefusedWithTheKeyThatSaysSo() throws Exception {
        String limited = "sluice.wire.max-message = 2 MiB\n";
        try (Nodes.Node here = Nodes.start(limited);
                Nodes.Node there = Nodes.start(limited)) {
            SamplerClient client = client(here, here.courier());
            ActorRef<SamplerMessage> sampler = here.know(there, sampler(there));

            GenerationReply reply =
                    client.ask(sampler, "one", SEEDS, -1, DEADLINE).get(30, TimeUnit.SECONDS);

            assertThat(reply).isInstanceOfSatisfying(GenerationReply.Refused.class, refused -> {
                assertThat(refused.reason()).isEqualTo(GenerationReply.Reason.FAILED);
                assertThat(refused.message()).contains("the samples cannot be sent", "sluice.wire.max-message");
            });
        }
    }

    @Test
    void aSamplerThatIsSilentIsGivenUpAfterTheDeadlineAndAnswersTooLateChangeNothing() throws Exception {
        try (Nodes.Node here = Nodes.start("")) {
            SamplerClient client = client(here, Courier.inThisJvm());
            TestProbe<SamplerMessage> silent = here.kit().createTestProbe();

            var answer = client.ask(silent.getRef(), "one", SEEDS, -1, Duration.ofMillis(1));
            SamplerMessage.Generate asked = silent.expectMessageClass(SamplerMessage.Generate.class);
            assertThatThrownBy(() -> client.ask(silent.getRef(), "one", SEEDS, -1, DEADLINE))
                    .as("while it is open")
                    .isInstanceOf(IllegalArgumentException.class);

            assertThatThrownBy(() -> answer.get(20, TimeUnit.SECONDS))
                    .isInstanceOf(ExecutionException.class)
                    .hasCauseInstanceOf(TimeoutException.class);

            var again = client.ask(silent.getRef(), "two", SEEDS, -1, DEADLINE);
            SamplerMessage.Generate askedAgain = silent.expectMessageClass(SamplerMessage.Generate.class);
            asked.replyTo().tell(new GenerationReply.Refused("one", GenerationReply.Reason.FAILED, "late"));
            asked.replyTo().tell(new GenerationReply.Refused("two", GenerationReply.Reason.FAILED, "in time"));
            assertThat(again.get(20, TimeUnit.SECONDS))
                    .isEqualTo(new GenerationReply.Refused("two", GenerationReply.Reason.FAILED, "in time"));
            assertThat(askedAgain.replyTo()).isEqualTo(asked.replyTo());
        }
    }
}

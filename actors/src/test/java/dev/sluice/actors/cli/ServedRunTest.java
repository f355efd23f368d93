package dev.sluice.actors.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.ModelCard;
import dev.sluice.protocol.PhasePlan;
import dev.sluice.protocol.Recipe.Schedule;
import dev.sluice.protocol.Role;
import dev.sluice.protocol.message.NodeMessage;
import dev.sluice.protocol.message.SamplerMessage;
import dev.sluice.protocol.message.SamplerStatus;
import dev.sluice.protocol.message.SupervisorMessage;
import dev.sluice.runtime.sampling.MixturePlan;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** A process that serves and nothing else either serves or ends and says why. */
class ServedRunTest {
    private static final ModelCard CARD = new ModelCard("toy", Optional.of("0123456789ab"), List.of(2), List.of());
    private static final ExpertRef EXPERT = new ExpertRef("phase-1", "sha-1", 1, "/store/phase-1.pt");
    private static final MixturePlan PLAN = new MixturePlan(
            CARD,
            new PhasePlan(List.of(1.0, 0.0), List.of(0.0)),
            Schedule.RECTIFIED_FLOW,
            new ExpertRef("teacher", "sha-t", 1, "/store/teacher.pt"),
            4,
            1,
            List.of(EXPERT));
    private static final Duration LONG = Duration.ofMinutes(10);

    private static ActorTestKit kit;

    private final TestProbe<NodeMessage> node = kit.createTestProbe();
    private final TestProbe<SamplerMessage> told = kit.createTestProbe();
    private final ServedRun.Course course = new ServedRun.Course();
    private volatile boolean ready;
    private final ActorRef<SamplerMessage> sampler = kit.spawn(sampler());
    private ActorRef<SupervisorMessage> served;

    @BeforeAll
    static void start() {
        kit = ActorTestKit.create();
    }

    @AfterAll
    static void shutDown() {
        kit.shutdownTestKit();
    }

    private Behavior<SamplerMessage> sampler() {
        return Behaviors.receiveMessage(message -> {
            if (message instanceof SamplerMessage.GetStatus question) {
                question.replyTo().tell(new SamplerStatus(ready, Optional.of(CARD), "toy@x", List.of(), 1, 0));
            } else if (message instanceof SamplerMessage.Release) {
                return Behaviors.stopped();
            } else {
                told.getRef().tell(message);
            }
            return Behaviors.same();
        });
    }

    private void begin(Duration loadWithin) {
        served = kit.spawn(ServedRun.create(node.getRef(), PLAN, "cpu", loadWithin, Duration.ofSeconds(60), course));
        NodeMessage.Play order = node.expectMessageClass(NodeMessage.Play.class);
        assertThat(order.run()).isEqualTo(CARD.run());
        served.tell(new SupervisorMessage.RolePlaced(order.order(), Role.SAMPLER, sampler));
        assertThat(told.expectMessageClass(SamplerMessage.Serve.class).card()).isEqualTo(CARD);
        assertThat(told.expectMessageClass(SamplerMessage.SwapExpert.class).expert())
                .isEqualTo(EXPERT);
    }

    private void load() {
        ready = true;
        served.tell(new SupervisorMessage.RoleReady(1, Role.SAMPLER, 0, sampler));
        served.tell(new SupervisorMessage.SwapDone(1, EXPERT, 1, sampler));
        course.loaded().join();
    }

    private void assertEnded(CompletableFuture<Void> stage, String why) {
        await().atMost(Duration.ofSeconds(10)).until(stage::isDone);
        assertThatThrownBy(stage::join)
                .isInstanceOf(CompletionException.class)
                .hasCauseInstanceOf(UserError.class)
                .cause()
                .hasMessage(why);
    }

    @Test
    void itIsLoadedWhenTheLastExpertServes() {
        begin(LONG);
        served.tell(new SupervisorMessage.RoleReady(1, Role.SAMPLER, 0, sampler));
        assertThat(course.loaded()).isNotDone();

        load();

        assertThat(course.ended()).isNotDone();
    }

    @Test
    void aSamplerThatGivesUpAfterLoadingEndsIt() {
        begin(LONG);
        load();

        served.tell(new SupervisorMessage.RoleFailed(1, Role.SAMPLER, "CUDA error (after 5 restarts)", sampler));

        assertEnded(course.ended(), "the sampler failed: CUDA error (after 5 restarts)");
    }

    @Test
    void aSamplerThatDiesAfterLoadingEndsIt() {
        begin(LONG);
        load();

        sampler.tell(new SamplerMessage.Release());

        assertEnded(course.ended(), "the sampler ended; the log says why");
    }

    @Test
    void aSamplerThatIsNotReadyForLongerThanLoadingMayTakeEndsIt() {
        begin(Duration.ofSeconds(3));
        load();

        ready = false;

        assertEnded(
                course.ended(),
                "waited 3 s for the sampler to load toy:0123456789ab@phase-1 (supervision.load-within); the log says what"
                        + " it did");
    }

    @Test
    void whatCannotBeLoadedEndsItBeforeItServes() {
        begin(LONG);

        served.tell(new SupervisorMessage.SwapRefused(1, EXPERT, "torn", sampler));

        assertEnded(course.loaded(), "the expert of phase 1 cannot be served: torn");
    }
}

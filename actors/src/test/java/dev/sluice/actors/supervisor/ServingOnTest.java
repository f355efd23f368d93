package dev.sluice.actors.supervisor;

import dev.sluice.protocol.Role;
import dev.sluice.protocol.message.NodeMessage;
import dev.sluice.protocol.message.SamplerMessage;
import dev.sluice.protocol.message.SupervisorMessage;
import dev.sluice.protocol.message.SupervisorMessage.RoleFailed;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.ManualTime;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The run is finished; who serves it dies, fails or is joined by others. */
class ServingOnTest {
    private static ActorTestKit kit;

    private Stage stage;

    @BeforeAll
    static void start() {
        kit = ActorTestKit.create(ManualTime.config());
    }

    @AfterAll
    static void shutDown() {
        kit.shutdownTestKit();
    }

    @AfterEach
    void stop() {
        stage.stop();
        stage.listener.expectNoMessage(Duration.ofMillis(20));
    }

    private void finish() {
        stage.train();
        stage.expectTrainersReleased();
        stage.swap(2);
        stage.listener.expectMessageClass(Outcome.Finished.class);
        stage.expectEvent("run-finished");
    }

    private void finishAndServeOn() {
        stage = new Stage(kit);
        stage.tell(new PhaseSupervisor.ServeOn());
        finish();
    }

    private void loseTheSampler() {
        stage.sampler.stop();
        stage.expectEvent("role-stopped");
        stage.expectEvent("fault-seen");
    }

    private void expectToldEverything(TestProbe<SamplerMessage> sampler) {
        stage.expectEvent("role-started");
        sampler.expectMessageClass(SamplerMessage.Serve.class);
        for (int phase = 1; phase <= 2; phase++) {
            stage.expectEvent("swap-begun");
            sampler.expectMessage(new SamplerMessage.SwapExpert(phase, Stage.expert(phase), stage.supervisor));
        }
    }

    @Test
    void aNodeThatComesAfterTheRunServesItToo() {
        finishAndServeOn();
        TestProbe<SamplerMessage> second = kit.createTestProbe();

        stage.join("second", Map.of(Role.SAMPLER, second.getRef()));

        expectToldEverything(second);
    }

    @Test
    void everyNodeHearsThatTheRunIsServedSoThatNothingOlderIsUnderItsName() {
        stage = new Stage(kit);
        TestProbe<NodeMessage> there = kit.createTestProbe();
        stage.register(there.getRef());
        there.expectMessage(new NodeMessage.Attend(stage.supervisor));
        stage.tell(new PhaseSupervisor.ServeOn());
        there.expectNoMessage(Duration.ZERO);
        finish();
        there.expectMessage(new NodeMessage.Succeed("toy", Optional.empty()));

        TestProbe<NodeMessage> late = kit.createTestProbe();
        stage.register(late.getRef());
        late.expectMessage(new NodeMessage.Attend(stage.supervisor));
        stage.tell(new SupervisorMessage.NodeOffer(late.getRef(), "late", List.of(), List.of(), false));

        late.expectMessage(new NodeMessage.Succeed("toy", Optional.empty()));
    }

    @Test
    void nobodyToServeIsNoFailureAndWhoComesLaterDoes() {
        finishAndServeOn();
        loseTheSampler();
        stage.nodeGone();

        stage.pass(Stage.ROLES.multipliedBy(2));

        stage.recorder.expectNoMessage(Duration.ofMillis(20));
        TestProbe<SamplerMessage> second = kit.createTestProbe();
        stage.join("second", Map.of(Role.SAMPLER, second.getRef()));
        expectToldEverything(second);
    }

    @Test
    void oneThatFailsAgainAndAgainIsPutBackForEver() {
        finishAndServeOn();
        for (int failure = 1; failure <= Stage.RESTARTS + 3; failure++) {
            stage.tell(new RoleFailed(1, Role.SAMPLER, "out of memory", stage.sampler.getRef()));
            stage.expectEvent("fault-seen");
            stage.sampler.expectMessage(new SamplerMessage.Release());
            Duration backOff = Stage.BACK_OFF.multipliedBy(failure <= Stage.RESTARTS ? failure : 4);
            stage.pass(backOff.minusMillis(1));
            stage.recorder.expectNoMessage(Duration.ofMillis(1));

            stage.pass(Duration.ofMillis(2));

            expectToldEverything(stage.sampler);
        }
    }

    @Test
    void cancellingEndsIt() {
        finishAndServeOn();

        stage.tell(new PhaseSupervisor.Cancel());

        stage.expectEvent("run-cancelled");
        stage.sampler.expectMessage(new SamplerMessage.Release());
        TestProbe<SamplerMessage> second = kit.createTestProbe();
        stage.join("second", Map.of(Role.SAMPLER, second.getRef()));
        stage.settle();
        stage.recorder.expectNoMessage(Duration.ofMillis(20));
        second.expectNoMessage(Duration.ofMillis(1));
    }

    @Test
    void stoppingLeavesTheSamplersAlone() {
        finishAndServeOn();

        stage.tell(new PhaseSupervisor.Stop());
        stage.settle();
        stage.sampler.stop();
        stage.settle();

        stage.recorder.expectNoMessage(Duration.ofMillis(20));
    }

    /** As a node does that leaves: what it was told to stop must not go on by itself. */
    @Test
    void aRunThatFinishesWhileItStopsIsNotServedOn() {
        stage = new Stage(kit);
        stage.tell(new PhaseSupervisor.ServeOn());
        stage.run();
        stage.spendBudget(1);
        stage.publish(1);
        stage.expectBegin(2);
        stage.swap(1);
        stage.runPhase(2);
        stage.spendBudget(2);
        stage.tell(new PhaseSupervisor.Stop());
        stage.publish(2);
        stage.expectTrainersReleased();
        stage.swap(2);
        stage.listener.expectMessageClass(Outcome.Finished.class);
        stage.expectEvent("run-finished");

        stage.sampler.stop();
        stage.settle();

        stage.recorder.expectNoMessage(Duration.ofMillis(20));
    }

    @Test
    void aRunThatIsNotServedOnIsOver() {
        stage = new Stage(kit);
        finish();

        stage.sampler.stop();
        stage.settle();

        stage.recorder.expectNoMessage(Duration.ofMillis(20));
    }
}

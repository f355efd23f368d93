package dev.sluice.actors.sampler;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.ModelCard;
import dev.sluice.protocol.Role;
import dev.sluice.protocol.message.GenerationReply;
import dev.sluice.protocol.message.GenerationReply.Generated;
import dev.sluice.protocol.message.GenerationReply.Reason;
import dev.sluice.protocol.message.GenerationReply.Refused;
import dev.sluice.protocol.message.SamplerMessage;
import dev.sluice.protocol.message.SamplerStatus;
import dev.sluice.protocol.message.SupervisorMessage;
import dev.sluice.protocol.message.SupervisorMessage.RoleFailed;
import dev.sluice.protocol.message.SupervisorMessage.RoleReady;
import java.util.List;
import java.util.Optional;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Admission, batches, cancellation and the orders to serve. */
class SamplerTest {
    private static ActorTestKit kit;

    private Bench bench;

    @BeforeAll
    static void start() {
        kit = ActorTestKit.create();
    }

    @AfterAll
    static void shutDown() {
        kit.shutdownTestKit();
    }

    @BeforeEach
    void serve() {
        bench = Bench.serving(kit, Bench.SETTINGS);
    }

    @AfterEach
    void nothingIsLeftOpen() {
        bench.stop();
    }

    @Test
    void theTeacherServesWhatNoExpertCovers() {
        bench.ask("a", 1, 5, 6);

        Generated made = bench.expectSamples("a", bench.plan(), 1, 5, 6);

        assertThat(made.modelVersion()).isEqualTo("toy@teacher");
        assertThat(made.nfe()).isEqualTo(8);
        assertThat(made.seeds()).containsExactly(5L, 6L);
        assertThat(bench.status())
                .isEqualTo(
                        new SamplerStatus(true, Optional.of(Bench.MODEL), "toy@teacher", List.of(bench.teacher), 8, 0));
    }

    @Test
    void beforeItIsToldWhatToServeItIsNotReady() {
        Bench idle = new Bench(kit, Bench.SETTINGS);
        idle.ask("a", -1, 1);
        assertThat(idle.expectRefused("a", Reason.NOT_READY))
                .isEqualTo("the sampler is not ready: it was not told yet what to serve");
        idle.orderSwap(1, idle.expert(1));
        assertThat(idle.expectSwapRefused(1)).contains("it was not told yet what to serve");
        assertThat(idle.status()).isEqualTo(new SamplerStatus(false, Optional.empty(), "", List.of(), 0, 0));
        idle.stop();
    }

    @Test
    void whileTheTeacherWarmsUpItIsNotReadyButAnswers() {
        Bench loading = new Bench(kit, Bench.SETTINGS);
        loading.networks.closeGate();
        loading.sampler.tell(loading.serve(1));
        loading.awaitEvaluations(1);

        loading.ask("a", -1, 1);
        assertThat(loading.expectRefused("a", Reason.NOT_READY))
                .contains("the networks of toy@teacher are being loaded");
        assertThat(loading.status().ready()).isFalse();
        loading.networks.openGate();

        loading.expect(new RoleReady(1, Role.SAMPLER, 0, loading.sampler));
        assertThat(loading.status().ready()).isTrue();
        loading.stop();
    }

    @Test
    void whenTheQueueIsFullTheNextIsRefusedAtOnceAndStatusIsNotHeldUp() {
        bench.occupy("computed", -1, 1);
        bench.ask("w1", -1, 1);
        bench.ask("w2", -1, 2);
        bench.ask("w3", -1, 3);
        bench.ask("w4", -1, 4);

        assertThat(bench.expectRefused("w4", Reason.QUEUE_FULL))
                .isEqualTo("the queue is full: 3 requests wait; try again later");
        assertThat(bench.status().queued()).isEqualTo(3);
        bench.networks.openGate();
        bench.expectSamples("computed", bench.plan(), -1, 1);
        bench.expectSamples("w1", bench.plan(), -1, 1);
    }

    @Test
    void requestsOfDifferentClassesShareABatchAndDoNotChangeEachOther() {
        bench.occupy("first", 0, 9);
        bench.ask("a", 2, 1, 2);
        bench.ask("b", -1, 3);
        bench.ask("c", 1, 1);
        bench.networks.openGate();

        assertThat(bench.expectSamples("first", bench.plan(), 0, 9).batchSize()).isEqualTo(1);
        assertThat(bench.expectSamples("a", bench.plan(), 2, 1, 2).batchSize()).isEqualTo(4);
        assertThat(bench.expectSamples("b", bench.plan(), -1, 3).batchSize()).isEqualTo(4);
        assertThat(bench.expectSamples("c", bench.plan(), 1, 1).batchSize()).isEqualTo(4);
    }

    @Test
    void aRequestThatDoesNotFitIsNotOvertaken() {
        bench.occupy("first", 0, 9);
        bench.ask("two", 0, 1, 2);
        bench.ask("three", 0, 3, 4, 5);
        bench.ask("one", 0, 6);
        bench.networks.openGate();

        bench.expectSamples("first", bench.plan(), 0, 9);
        assertThat(bench.expectSamples("two", bench.plan(), 0, 1, 2).batchSize())
                .isEqualTo(2);
        assertThat(bench.expectSamples("three", bench.plan(), 0, 3, 4, 5).batchSize())
                .isEqualTo(4);
        assertThat(bench.expectSamples("one", bench.plan(), 0, 6).batchSize()).isEqualTo(4);
    }

    @Test
    void whatTheModelDoesNotHaveIsRefusedByName() {
        bench.ask("label", 3, 1);
        assertThat(bench.expectRefused("label", Reason.BAD_REQUEST))
                .isEqualTo("there is no class 3: toy has 3 classes: 0 shirt, 1 shoe, 2 bag");
        bench.ask("none", 0);
        assertThat(bench.expectRefused("none", Reason.BAD_REQUEST)).contains("between 1 and 4 samples");
        bench.ask("many", 0, 1, 2, 3, 4, 5);
        assertThat(bench.expectRefused("many", Reason.BAD_REQUEST)).contains("(max-batch), not 5");
        bench.askWithin(0, "late", 0, 1);
        assertThat(bench.expectRefused("late", Reason.DEADLINE)).contains("on arrival");
    }

    @Test
    void anIdThatWaitsOrIsComputedIsRefusedAndItsOwnerKeepsItsPlace() {
        bench.occupy("computed", 0, 1);
        bench.ask("waits", 1, 2);
        bench.ask("computed", 0, 7);
        bench.ask("waits", 0, 7);
        assertThat(bench.expectRefused("computed", Reason.BAD_REQUEST)).contains("id computed is being served already");
        assertThat(bench.expectRefused("waits", Reason.BAD_REQUEST)).contains("id waits is being served already");
        bench.networks.openGate();

        bench.expectSamples("computed", bench.plan(), 0, 1);
        bench.expectSamples("waits", bench.plan(), 1, 2);
    }

    @Test
    void aCancelledBatchStopsByItsNextEvaluationAndFreesTheWorker() {
        bench.occupy("gone", 0, 1);
        int begun = bench.networks.evaluations.get();
        bench.ask("next", 0, 2);
        bench.sampler.tell(new SamplerMessage.Cancel("gone"));
        bench.expectRefused("gone", Reason.CANCELLED);
        bench.status();
        bench.networks.openGate();

        bench.expectSamples("next", bench.plan(), 0, 2);
        assertThat(bench.networks.evaluations.get() - begun)
                .as("of the cancelled batch none; of the next 4, and 4 by the test itself")
                .isEqualTo(4 + 4);
    }

    @Test
    void theRestOfABatchGoesOnWithoutTheOneThatLeft() {
        bench.occupy("first", 0, 1);
        bench.ask("stays", 1, 2);
        bench.ask("leaves", 2, 3);
        bench.networks.permit(Bench.TEACHER_STEPS);
        bench.expectSamplesWhileGated("first");
        bench.sampler.tell(new SamplerMessage.Cancel("leaves"));
        bench.expectRefused("leaves", Reason.CANCELLED);
        bench.networks.openGate();

        bench.expectSamples("stays", bench.plan(), 1, 2);
    }

    @Test
    void cancellingWhatWaitsFreesItsPlaceAndWhatIsUnknownIsIgnored() {
        bench.occupy("computed", 0, 1);
        bench.ask("a", 0, 1);
        bench.ask("b", 0, 1);
        bench.ask("c", 0, 1);
        bench.sampler.tell(new SamplerMessage.Cancel("nobody"));
        bench.sampler.tell(new SamplerMessage.Cancel("b"));
        bench.expectRefused("b", Reason.CANCELLED);

        bench.ask("d", 1, 4);
        assertThat(bench.status().queued()).isEqualTo(3);
        bench.networks.openGate();
        bench.expectSamples("computed", bench.plan(), 0, 1);
        bench.expectSamples("a", bench.plan(), 0, 1);
        bench.expectSamples("c", bench.plan(), 0, 1);
        bench.expectSamples("d", bench.plan(), 1, 4);
    }

    @Test
    void aNewEpochForTheSameModelKeepsItsExperts() {
        ExpertRef expert = bench.expert(1);
        bench.swapIn(1, expert);
        int opened = bench.networks.opened.get();

        bench.sampler.tell(bench.serve(2));

        bench.expect(new RoleReady(2, Role.SAMPLER, 0, bench.sampler));
        assertThat(bench.status().modelVersion()).isEqualTo("toy@phase-1+teacher");
        assertThat(bench.networks.opened).hasValue(opened);
        bench.sampler.tell(bench.serve(1));
        bench.supervisor.expectNoMessage();
    }

    @Test
    void anotherModelIsRefusedAndTheFirstGoesOn() {
        SamplerMessage.Serve order = bench.serve(2);
        bench.sampler.tell(new SamplerMessage.Serve(
                2,
                new ModelCard("other", List.of(2), Bench.CLASSES),
                order.plan(),
                order.schedule(),
                order.teacher(),
                order.teacherSteps(),
                order.guidance(),
                order.supervisor(),
                order.recorder()));

        bench.expect(new RoleFailed(
                2,
                Role.SAMPLER,
                "it serves toy@teacher and one sampler serves one model; start another for other@teacher",
                bench.sampler));
        bench.ask("a", 0, 1);
        bench.expectSamples("a", bench.plan(), 0, 1);
    }

    @Test
    void aTeacherThatCannotBeLoadedIsReportedAndAMendedOneServes() {
        Bench broken = new Bench(kit, Bench.SETTINGS);
        SamplerMessage.Serve good = broken.serve(2);
        SamplerMessage.Serve bad = new SamplerMessage.Serve(
                1,
                good.card(),
                good.plan(),
                good.schedule(),
                broken.expert(1),
                good.teacherSteps(),
                good.guidance(),
                good.supervisor(),
                good.recorder());
        broken.sampler.tell(bad);

        SupervisorMessage.RoleFailed failed = broken.supervisor.expectMessageClass(SupervisorMessage.RoleFailed.class);
        assertThat(failed.cause()).contains("says that it is the expert of phase 1, but the model needs a teacher");
        broken.ask("a", 0, 1);
        assertThat(broken.expectRefused("a", Reason.NOT_READY)).contains("it gave up");
        broken.sampler.tell(good);
        broken.expect(new RoleReady(2, Role.SAMPLER, 0, broken.sampler));
        broken.ask("b", 0, 1);
        broken.expectSamples("b", broken.plan(), 0, 1);
        broken.stop();
    }

    @Test
    void stoppingItAnswersEverybodyAndClosesTheNetworks() {
        bench.occupy("computed", 0, 1);
        bench.ask("waits", 0, 2);
        bench.status();

        // Before the gate opens, so that nothing computed after it arrives in time.
        bench.sampler.tell(new SamplerMessage.Release());
        bench.stop();

        List<GenerationReply> answers = List.of(bench.client.receiveMessage(), bench.client.receiveMessage());
        assertThat(answers.stream().map(GenerationReply::id)).containsExactlyInAnyOrder("computed", "waits");
        assertThat(answers)
                .as("another sampler may be asked: no fault of the server")
                .allSatisfy(answer -> assertThat(answer)
                        .isInstanceOfSatisfying(Refused.class, refused -> assertThat(refused.reason())
                                .isEqualTo(Reason.NOT_READY)));
    }
}

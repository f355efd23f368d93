package dev.sluice.actors.sampler;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.actors.delivery.Courier;
import dev.sluice.actors.workbench.Workplace;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.ModelCard;
import dev.sluice.protocol.PhasePlan;
import dev.sluice.protocol.Recipe.Schedule;
import dev.sluice.protocol.Role;
import dev.sluice.protocol.Tensor;
import dev.sluice.protocol.message.GenerationReply;
import dev.sluice.protocol.message.GenerationReply.Generated;
import dev.sluice.protocol.message.GenerationReply.Reason;
import dev.sluice.protocol.message.GenerationReply.Refused;
import dev.sluice.protocol.message.RecorderMessage;
import dev.sluice.protocol.message.SamplerMessage;
import dev.sluice.protocol.message.SamplerStatus;
import dev.sluice.protocol.message.SupervisorMessage;
import dev.sluice.runtime.network.NetworkCard;
import dev.sluice.runtime.sampling.Mixture;
import dev.sluice.runtime.sampling.MixturePlan;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.awaitility.Awaitility;

/** One sampler on fake networks, with somebody to supervise it and somebody to ask it. */
final class Bench {
    static final List<String> CLASSES = List.of("shirt", "shoe", "bag");
    static final PhasePlan PHASES = new PhasePlan(List.of(1.0, 0.75, 0.5, 0.0), List.of(0.5, 0.0));
    static final ModelCard MODEL = new ModelCard("toy", List.of(2), CLASSES);
    static final SamplerSettings SETTINGS =
            new SamplerSettings(3, 4, Duration.ofMillis(1), List.of(1, 2, 4), 2, Duration.ofMillis(1));
    static final int TEACHER_STEPS = 4;
    private static final long LONG = 20_000;
    static final NetworkCard TEACHER =
            new NetworkCard(List.of(2), CLASSES, Schedule.RECTIFIED_FLOW, 0, List.of(), Map.of());

    final ActorTestKit kit;
    final FakeNetworks networks = new FakeNetworks();
    final ExpertRef teacher = networks.file("teacher", TEACHER, (x, t, label) -> x - (float) t + label);
    final TestProbe<SupervisorMessage> supervisor;
    final TestProbe<GenerationReply> client;
    /** Hears what the sampler has to say of its requests. */
    final TestProbe<RecorderMessage> recorder;

    final ActorRef<SamplerMessage> sampler;

    /** What the sampler takes for the time, nanoseconds. */
    final AtomicLong clock = new AtomicLong();

    Bench(ActorTestKit kit, SamplerSettings settings) {
        this(kit, settings, Duration.ofSeconds(30));
    }

    /** @param workWithin of an evaluation */
    Bench(ActorTestKit kit, SamplerSettings settings, Duration workWithin) {
        this.kit = kit;
        this.supervisor = kit.createTestProbe();
        this.client = kit.createTestProbe();
        this.recorder = kit.createTestProbe();
        this.sampler = kit.spawn(Sampler.create(
                settings,
                new Workplace(networks, DispatcherSelector.blocking(), workWithin, Courier.inThisJvm()),
                clock::get));
    }

    /** A sampler that serves the teacher alone. */
    static Bench serving(ActorTestKit kit, SamplerSettings settings) {
        return new Bench(kit, settings).serving();
    }

    /** Has the teacher alone served. */
    Bench serving() {
        sampler.tell(serve(1));
        expect(new SupervisorMessage.RoleReady(1, Role.SAMPLER, 0, sampler));
        return this;
    }

    SamplerMessage.Serve serve(int epoch) {
        return new SamplerMessage.Serve(
                epoch,
                MODEL,
                PHASES,
                Schedule.RECTIFIED_FLOW,
                teacher,
                TEACHER_STEPS,
                2,
                supervisor.getRef(),
                Optional.of(recorder.getRef()));
    }

    MixturePlan plan(ExpertRef... experts) {
        return new MixturePlan(MODEL, PHASES, Schedule.RECTIFIED_FLOW, teacher, TEACHER_STEPS, 2, List.of(experts));
    }

    ExpertRef expert(int phase) {
        return expert(phase, (x, t, label) -> 0.5f * x + phase - label);
    }

    ExpertRef expert(int phase, FakeNetworks.Field field) {
        return networks.file("phase-" + phase, cardOf(phase), field);
    }

    NetworkCard cardOf(int phase) {
        return TEACHER.ofExpert(phase, PHASES.phase(phase).timesteps(), Map.of());
    }

    void expect(SupervisorMessage message) {
        supervisor.expectMessage(message);
    }

    void swapIn(int phase, ExpertRef expert) {
        orderSwap(phase, expert);
        SupervisorMessage.SwapDone done = supervisor.expectMessageClass(SupervisorMessage.SwapDone.class);
        assertThat(done.phase()).isEqualTo(phase);
        assertThat(done.expert()).isEqualTo(expert);
    }

    void orderSwap(int phase, ExpertRef expert) {
        sampler.tell(new SamplerMessage.SwapExpert(phase, expert, supervisor.getRef()));
    }

    String expectSwapRefused(int phase) {
        SupervisorMessage.SwapRefused refused = supervisor.expectMessageClass(SupervisorMessage.SwapRefused.class);
        assertThat(refused.phase()).isEqualTo(phase);
        return refused.reason();
    }

    void ask(String id, int label, long... seeds) {
        askWithin(LONG, id, label, seeds);
    }

    void askWithin(long deadlineMillis, String id, int label, long... seeds) {
        List<Long> all = Arrays.stream(seeds).boxed().toList();
        sampler.tell(new SamplerMessage.Generate(id, all, label, deadlineMillis, client.getRef()));
    }

    /** The next answer, which must be samples, and the ones that {@code plan} makes of these seeds. */
    Generated expectSamples(String id, MixturePlan plan, int label, long... seeds) {
        Generated made = client.expectMessageClass(Generated.class);
        assertThat(made.id()).isEqualTo(id);
        assertThat(made.modelVersion()).isEqualTo(plan.version());
        assertThat(made.experts()).isEqualTo(plan.networks());
        assertThat(made.nfe()).isEqualTo(plan.nfe());
        assertThat(made.samples()).isEqualTo(samples(plan, label, seeds));
        return made;
    }

    /** As {@link #expectSamples}, without computing the same beside it: the gate would hold that up too. */
    void expectSamplesWhileGated(String id) {
        assertThat(client.expectMessageClass(Generated.class).id()).isEqualTo(id);
    }

    /** What {@code plan} makes, computed outside the sampler. */
    Tensor samples(MixturePlan plan, int label, long... seeds) {
        long[] labels = new long[seeds.length];
        Arrays.fill(labels, label);
        try (Mixture mixture = Mixture.open(plan, networks)) {
            return mixture.sample(seeds, labels, 1);
        }
    }

    String expectRefused(String id, Reason reason) {
        Refused refused = client.expectMessageClass(Refused.class);
        assertThat(refused.id()).isEqualTo(id);
        assertThat(refused.reason()).as(refused.message()).isEqualTo(reason);
        return refused.message();
    }

    SamplerStatus status() {
        TestProbe<SamplerStatus> probe = kit.createTestProbe();
        sampler.tell(new SamplerMessage.GetStatus(probe.getRef()));
        return probe.receiveMessage();
    }

    /** Closes the gate and lets the worker run into it with request {@code id}. */
    void occupy(String id, int label, long... seeds) {
        networks.closeGate();
        int before = networks.evaluations.get();
        ask(id, label, seeds);
        awaitEvaluations(before + 1);
    }

    void awaitEvaluations(int begun) {
        Awaitility.await().atMost(Duration.ofSeconds(10)).untilAsserted(() -> assertThat(networks.evaluations)
                .hasValue(begun));
    }

    /** Stops the sampler; every network it ever opened must be closed then, once. */
    void stop() {
        networks.openGate();
        kit.stop(sampler, Duration.ofSeconds(10));
        assertThat(networks.open()).as("networks left open").isZero();
        assertThat(networks.closedTwice).as("networks closed twice").hasValue(0);
    }
}

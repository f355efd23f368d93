package dev.sluice.actors.supervisor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.actors.delivery.Courier;
import dev.sluice.actors.discovery.Discovery;
import dev.sluice.actors.fake.SmallRun;
import dev.sluice.protocol.CriticReport;
import dev.sluice.protocol.CycleReport;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.ModelCard;
import dev.sluice.protocol.Role;
import dev.sluice.protocol.StateRef;
import dev.sluice.protocol.Tensor;
import dev.sluice.protocol.message.CriticMessage;
import dev.sluice.protocol.message.GeneratorMessage;
import dev.sluice.protocol.message.NodeMessage;
import dev.sluice.protocol.message.RecorderMessage;
import dev.sluice.protocol.message.SamplerMessage;
import dev.sluice.protocol.message.SupervisorMessage;
import dev.sluice.protocol.message.SupervisorMessage.BudgetSpent;
import dev.sluice.protocol.message.SupervisorMessage.CycleCommitted;
import dev.sluice.protocol.message.SupervisorMessage.ExpertPublished;
import dev.sluice.protocol.message.SupervisorMessage.RoleReady;
import dev.sluice.protocol.message.SupervisorMessage.StateSaved;
import dev.sluice.protocol.message.SupervisorMessage.SwapDone;
import dev.sluice.protocol.message.TeacherMessage;
import dev.sluice.runtime.checkpoint.Checkpoint;
import dev.sluice.runtime.checkpoint.CheckpointStore;
import dev.sluice.runtime.checkpoint.Deaths;
import dev.sluice.runtime.checkpoint.Epochs;
import dev.sluice.runtime.checkpoint.StateFile;
import dev.sluice.runtime.network.TrainingState;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.apache.pekko.Done;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.ManualTime;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.BehaviorInterceptor;
import org.apache.pekko.actor.typed.TypedActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.receptionist.Receptionist;

/** One phase supervisor in a system whose time stands still, with every role played by the test. */
final class Stage {
    static final int CYCLES = 3;
    static final int SKIPPED_LIMIT = 2;
    static final Gallery.Settings NO_PICTURES = new Gallery.Settings(0, 2, 4, Duration.ofSeconds(5), Set.of());
    private static final Path STORE = Path.of("target", "supervisor-stage").toAbsolutePath();
    private static final ExpertRef TEACHER = new ExpertRef("teacher", "sha-t", 1, "/store/teacher.pt");
    static final Duration ROLES = Duration.ofSeconds(60);
    static final Duration PLACE = Duration.ofSeconds(10);
    static final Duration WORK = Duration.ofSeconds(10);
    static final Duration BACK_OFF = Duration.ofSeconds(2);
    static final int RESTARTS = 2;
    static final Duration LOAD = Duration.ofSeconds(40);
    static final Duration SWAP = Duration.ofSeconds(30);
    static final Duration STALL = Duration.ofSeconds(20);
    static final Deaths DEATHS = new Deaths(STORE.resolve("deaths.json"));
    /** A run that keeps a checkpoint at the end of every phase and nowhere else. */
    static final RunPlan RUN = plan(1, Optional.empty(), 0);

    static RunPlan plan(int epoch, Optional<Checkpoint> from, int checkpointEvery) {
        return plan(epoch, from, checkpointEvery, RESTARTS);
    }

    private static RunPlan plan(int epoch, Optional<Checkpoint> from, int checkpointEvery, int restarts) {
        return plan(epoch, from, checkpointEvery, restarts, Deaths.Past.NONE);
    }

    /** @param past deaths of the process before this start */
    static RunPlan plan(int epoch, Optional<Checkpoint> from, int checkpointEvery, int restarts, Deaths.Past past) {
        return new RunPlan(
                epoch,
                from,
                new ModelCard("toy", List.of(2), SmallRun.CARD.classNames()),
                TEACHER,
                SmallRun.PLAN,
                SmallRun.RECIPE,
                List.of(CYCLES, CYCLES),
                Path.of("/store/experts"),
                50,
                20,
                SKIPPED_LIMIT,
                new RunPlan.Keeping(
                        new CheckpointStore(STORE, STORE.resolve("checkpoints")),
                        new Epochs(STORE.resolve("epochs")),
                        DEATHS,
                        past,
                        checkpointEvery,
                        2,
                        Map.of()),
                new RunPlan.Timeouts(ROLES, PLACE, LOAD, SWAP, STALL, WORK),
                new RunPlan.Restarts(restarts, BACK_OFF, BACK_OFF.multipliedBy(4)));
    }

    /** A run that skips as many cycles as there are. */
    static RunPlan skippingAll() {
        return new RunPlan(
                RUN.epoch(),
                RUN.from(),
                RUN.card(),
                RUN.teacher(),
                RUN.plan(),
                RUN.recipe(),
                RUN.cycles(),
                RUN.experts(),
                RUN.teacherSteps(),
                RUN.snapshotEvery(),
                CYCLES,
                RUN.keeping(),
                RUN.timeouts(),
                RUN.restarts());
    }

    final ActorTestKit kit;
    final ManualTime time;
    final TestProbe<GeneratorMessage> generator;
    final TestProbe<CriticMessage> critic;
    final TestProbe<TeacherMessage> teacher;
    final TestProbe<SamplerMessage> sampler;
    final TestProbe<RecorderMessage> recorder;
    final TestProbe<Outcome> listener;
    final ActorRef<SupervisorMessage> supervisor;
    /** Whether the recorder was told to go back while everybody was placed. */
    boolean rewound;

    /** That the trainers are in. */
    int epoch;

    private final List<ActorRef<NodeMessage>> nodes = new ArrayList<>();

    Stage(ActorTestKit kit) {
        this(kit, NO_PICTURES);
    }

    /** A run that does not survive a single failure. */
    static Stage unforgiving(ActorTestKit kit, Gallery.Settings pictures) {
        return new Stage(kit, plan(1, Optional.empty(), 0, 0), pictures);
    }

    static Stage unforgiving(ActorTestKit kit) {
        return unforgiving(kit, NO_PICTURES);
    }

    Stage(ActorTestKit kit, Gallery.Settings pictures) {
        this(kit, RUN, pictures);
    }

    Stage(ActorTestKit kit, RunPlan run, Gallery.Settings pictures) {
        this.kit = kit;
        this.epoch = run.epoch();
        this.time = ManualTime.get(kit.system());
        this.generator = kit.createTestProbe("generator");
        this.critic = kit.createTestProbe("critic");
        this.teacher = kit.createTestProbe("teacher");
        this.sampler = kit.createTestProbe("sampler");
        this.recorder = kit.createTestProbe("recorder");
        this.listener = kit.createTestProbe("listener");
        Behavior<SupervisorMessage> behavior =
                PhaseSupervisor.create(run, recorder.getRef(), pictures, Courier.inThisJvm(), listener.getRef());
        this.supervisor = kit.spawn(Behaviors.intercept(AnswersFences::new, behavior));
    }

    /** Answered when everything that came before it has been handled: time must not pass while timers are being set. */
    private record Fence(ActorRef<Done> replyTo) implements SupervisorMessage.Local {}

    private static final class AnswersFences extends BehaviorInterceptor<SupervisorMessage, SupervisorMessage> {
        AnswersFences() {
            super(SupervisorMessage.class);
        }

        @Override
        public Behavior<SupervisorMessage> aroundReceive(
                TypedActorContext<SupervisorMessage> context,
                SupervisorMessage message,
                ReceiveTarget<SupervisorMessage> target) {
            if (message instanceof Fence fence) {
                fence.replyTo().tell(Done.getInstance());
                return Behaviors.same();
            }
            return target.apply(context, message);
        }
    }

    /** Everything that was told before this has been handled after it. */
    void settle() {
        TestProbe<Done> handled = kit.createTestProbe();
        supervisor.tell(new Fence(handled.getRef()));
        handled.expectMessage(Done.getInstance());
    }

    /** Lets this much time pass, in which the run must not end. */
    void pass(Duration duration) {
        settle();
        time.timePasses(duration);
        settle();
        listener.expectNoMessage(Duration.ofMillis(1));
    }

    /** A node that offers these roles and has them played by the given actors, as often as it is asked. */
    ActorRef<NodeMessage> join(String name, Map<Role, ActorRef<?>> players) {
        return join(name, players, true);
    }

    /** @param answers whether the node carries orders out; else it is silent */
    ActorRef<NodeMessage> join(String name, Map<Role, ActorRef<?>> players, boolean answers) {
        ActorRef<NodeMessage> node = kit.spawn(FakeNode.create(name, players, answers));
        register(node);
        nodes.add(node);
        return node;
    }

    /** Waits until the supervisor has been told what the node offers. */
    void awaitOffer(ActorRef<NodeMessage> node) {
        TestProbe<Done> made = kit.createTestProbe();
        node.tell(new FakeNode.AwaitOffer(made.getRef()));
        made.expectMessage(Done.getInstance());
        settle();
    }

    void register(ActorRef<NodeMessage> node) {
        kit.system().receptionist().tell(Receptionist.register(Discovery.NODE, node));
    }

    /** The node that plays everything. */
    ActorRef<NodeMessage> offer(Role... roles) {
        Map<Role, ActorRef<?>> players = new EnumMap<>(Role.class);
        for (Role role : roles) {
            players.put(role, player(role).getRef());
        }
        return join("first", players);
    }

    TestProbe<?> player(Role role) {
        return switch (role) {
            case GENERATOR -> generator;
            case CRITIC -> critic;
            case TEACHER -> teacher;
            case SAMPLER -> sampler;
            case CONTROL -> throw new IllegalArgumentException("control is not played");
        };
    }

    void offerEverything() {
        offer(Role.GENERATOR, Role.CRITIC, Role.TEACHER, Role.SAMPLER);
        int started = 0;
        while (started < 4) {
            if (recorder.receiveMessage() instanceof RecorderMessage.Event event) {
                assertThat(event.type()).as(event.toString()).isEqualTo("role-started");
                started++;
            } else {
                rewound = true;
            }
        }
    }

    /** Every role is offered, and told what to load. */
    void cast() {
        offerEverything();
        sampler.expectMessageClass(SamplerMessage.Serve.class);
        teacher.expectMessageClass(TeacherMessage.Load.class);
        expectBegin(1);
    }

    void ready(Role role, int ofPhase) {
        tell(new RoleReady(
                role == Role.SAMPLER ? 1 : epoch, role, ofPhase, player(role).getRef()));
    }

    void expectBegin(int phase) {
        assertThat(generator
                        .expectMessageClass(GeneratorMessage.BeginPhase.class)
                        .phase())
                .isEqualTo(phase);
        assertThat(critic.expectMessageClass(CriticMessage.BeginPhase.class).phase())
                .isEqualTo(phase);
    }

    /** The sampler serves the teacher and the first phase runs. */
    void run() {
        run(CYCLES);
    }

    /** As {@link #run}; the node that plays everything. */
    ActorRef<NodeMessage> runOn() {
        run();
        return nodes.get(0);
    }

    /** The node that plays everything is gone. */
    void nodeGone() {
        kit.stop(nodes.get(0), Duration.ofSeconds(10));
        settle();
    }

    /** @param stand cycle that the generator is told to run to */
    void run(int stand) {
        cast();
        ready(Role.SAMPLER, 0);
        expectEvent("serving");
        ready(Role.TEACHER, 0);
        runPhase(1, stand);
    }

    /** Both trainers have loaded a phase, and the generator is told to run it. */
    void runPhase(int phase) {
        runPhase(phase, CYCLES);
    }

    private void runPhase(int phase, int stand) {
        ready(Role.GENERATOR, phase);
        ready(Role.CRITIC, phase);
        expectEvent("phase-begun");
        expectRun(phase, stand);
    }

    void expectRun(int phase, int stand) {
        generator.expectMessage(new GeneratorMessage.UseTeachers(epoch, List.of(teacher.getRef())));
        generator.expectMessage(new GeneratorMessage.Run(epoch, phase, stand));
    }

    static CycleCommitted commit(int epoch, int phase, int cycle, boolean stepped) {
        CriticReport critic = new CriticReport(List.of(1.0), 0.5, 0);
        return new CycleCommitted(
                epoch, new CycleReport(phase, cycle, critic, 0.25, stepped ? 2 : Double.NaN, stepped));
    }

    static ExpertRef expert(int phase) {
        return new ExpertRef("phase-" + phase, "sha-" + phase, 1, "/store/experts/phase-" + phase + ".pt");
    }

    /** The generator commits a phase's cycles and is told to publish. */
    void spendBudget(int phase) {
        for (int cycle = 0; cycle < CYCLES; cycle++) {
            tell(commit(1, phase, cycle, true));
            expectCycle(phase, cycle);
        }
        tell(new BudgetSpent(1, phase, CYCLES));
        keep(phase, CYCLES);
        expectEvent("phase-ended");
        generator.expectMessage(
                new GeneratorMessage.Publish(1, phase, expert(phase).path()));
    }

    /** Both trainers are told to save, do, and the checkpoint is kept. */
    Checkpoint keep(int phase, int cycle) {
        StateRef ofGenerator = save(Role.GENERATOR, expectSaveOfGenerator(phase, cycle), phase, cycle);
        StateRef ofCritic = save(Role.CRITIC, expectSaveOfCritic(phase, cycle), phase, cycle);
        tell(new StateSaved(epoch, ofCritic));
        tell(new StateSaved(epoch, ofGenerator));
        assertThat(expectEvent("checkpoint-kept"))
                .containsEntry("phase", (long) phase)
                .containsEntry("cycle", (long) cycle);
        List<ExpertRef> experts = phase == 1 ? List.of() : List.of(expert(1));
        return new Checkpoint(epoch, 0, 0, TEACHER.sha256(), Map.of(), experts, ofGenerator, ofCritic);
    }

    Path expectSaveOfGenerator(int phase, int cycle) {
        GeneratorMessage.Save save = generator.expectMessageClass(GeneratorMessage.Save.class);
        assertThat(save).isEqualTo(new GeneratorMessage.Save(epoch, phase, cycle, save.path()));
        return Path.of(save.path());
    }

    Path expectSaveOfCritic(int phase, int cycle) {
        CriticMessage.Save save = critic.expectMessageClass(CriticMessage.Save.class);
        assertThat(save).isEqualTo(new CriticMessage.Save(epoch, phase, cycle, save.path()));
        return Path.of(save.path());
    }

    static StateRef save(Role role, Path file, int phase, int cycle) {
        Map<String, Tensor> weights = Map.of("w", Tensor.of(new float[] {cycle}, 1));
        try {
            return StateFile.write(
                    file, role, phase, cycle, new TrainingState(cycle, weights, weights, weights, weights));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The generator publishes, and the sampler is told to swap. */
    void publish(int phase) {
        tell(new ExpertPublished(1, phase, expert(phase)));
        expectEvent("expert-published");
        expectEvent("swap-begun");
        sampler.expectMessage(new SamplerMessage.SwapExpert(phase, expert(phase), supervisor));
    }

    void swap(int phase) {
        tell(new SwapDone(phase, expert(phase), 12, sampler.getRef()));
        expectEvent("swap-done");
    }

    /** Both phases are trained and published, the first one is served, the second's swap is under way. */
    void train() {
        run();
        spendBudget(1);
        publish(1);
        expectBegin(2);
        swap(1);
        runPhase(2);
        spendBudget(2);
        publish(2);
    }

    private static void forgetStore() {
        try (Stream<Path> files = Files.exists(STORE) ? Files.walk(STORE) : Stream.empty()) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    void tell(SupervisorMessage message) {
        supervisor.tell(message);
    }

    /** The next thing that the recorder is told: such an event. */
    Map<String, Object> expectEvent(String type) {
        RecorderMessage.Event event = recorder.expectMessageClass(RecorderMessage.Event.class);
        assertThat(event.type()).as(event.toString()).isEqualTo(type);
        assertThat(event.fields()).containsEntry("epoch", (long) epoch);
        return event.fields();
    }

    void expectCycle(int phase, int cycle) {
        CycleReport report =
                recorder.expectMessageClass(RecorderMessage.Cycle.class).report();
        assertThat(List.of(report.phase(), report.cycle())).isEqualTo(List.of(phase, cycle));
    }

    void expectTrainersReleased() {
        expectRingReleased();
        teacher.expectMessage(new TeacherMessage.Release(supervisor));
    }

    /** Generator and critic are let go of. */
    void expectRingReleased() {
        generator.expectMessage(new GeneratorMessage.Release(epoch));
        critic.expectMessage(new CriticMessage.Release(epoch));
    }

    /** After the back-off everybody is told to begin again, under a new epoch. */
    void expectNewEpoch(int phase, Duration backOff) {
        expectRingReleased();
        pass(backOff);
        int before = epoch;
        RecorderMessage.Event started = recorder.expectMessageClass(RecorderMessage.Event.class);
        assertThat(started.type()).as(started.toString()).isEqualTo("role-started");
        epoch = ((Long) started.fields().get("epoch")).intValue();
        assertThat(epoch).isGreaterThan(before);
        expectEvent("role-started");
        assertThat(recorder.expectMessageClass(RecorderMessage.Rewind.class).phase())
                .isEqualTo(phase);
        assertThat(teacher.expectMessageClass(TeacherMessage.Load.class).epoch())
                .isEqualTo(epoch);
        expectBegin(phase);
    }

    void expectFault() {
        assertThat((String) expectEvent("fault-seen").get("cause")).contains("the gradient was not finite");
    }

    /** The run is over, with the same cause for the user and in the log. */
    String expectFailed() {
        String cause = listener.expectMessageClass(Outcome.Failed.class).cause();
        RecorderMessage.Event event = recorder.expectMessageClass(RecorderMessage.Event.class);
        while (!event.type().equals("run-failed")) {
            assertThat(event.type()).isIn("fault-seen", "role-stopped");
            event = recorder.expectMessageClass(RecorderMessage.Event.class);
        }
        assertThat(event.fields()).containsEntry("cause", cause);
        return cause;
    }

    String expectFailedAfter(Duration duration) {
        pass(duration.minusMillis(1));
        time.timePasses(Duration.ofMillis(2));
        return expectFailed();
    }

    /** Stops everybody. The next test's supervisor must not meet this one's roles. */
    void stop() {
        kit.stop(supervisor, Duration.ofSeconds(10));
        nodes.forEach(node -> kit.stop(node, Duration.ofSeconds(10)));
        // The next test's supervisor must not find this one's checkpoints either.
        forgetStore();
    }
}

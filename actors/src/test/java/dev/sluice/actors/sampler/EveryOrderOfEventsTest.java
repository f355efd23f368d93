package dev.sluice.actors.sampler;

import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.Config;
import dev.sluice.actors.delivery.Courier;
import dev.sluice.actors.workbench.Workplace;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.ModelCard;
import dev.sluice.protocol.Recipe.Schedule;
import dev.sluice.protocol.Tensor;
import dev.sluice.protocol.message.GenerationReply;
import dev.sluice.protocol.message.SamplerMessage;
import dev.sluice.protocol.message.SamplerMessage.Cancel;
import dev.sluice.protocol.message.SamplerMessage.Generate;
import dev.sluice.protocol.message.SamplerMessage.Release;
import dev.sluice.protocol.message.SamplerMessage.Serve;
import dev.sluice.protocol.message.SamplerMessage.SwapExpert;
import dev.sluice.protocol.message.SamplerStatus;
import dev.sluice.protocol.message.SupervisorMessage;
import dev.sluice.runtime.sampling.MixturePlan;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.apache.pekko.actor.testkit.typed.Effect;
import org.apache.pekko.actor.testkit.typed.javadsl.BehaviorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestInbox;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ChildFailed;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.junit.jupiter.api.Test;

/**
 * Whatever happens and in whatever order, the sampler lives until it is told to end, answers every request and every swap
 * exactly once, tells a worker one thing at a time, and believes none that it has given up. The workers are played here, a
 * message at a time and without threads.
 */
class EveryOrderOfEventsTest {
    private enum Event {
        SERVE,
        SERVE_ANOTHER_RUN,
        SWAP,
        GENERATE,
        /** Of the oldest request, answered or not, or of one that never was. */
        CANCEL,
        /** Of the newest request, if it still waits. */
        DEADLINE,
        /** The worker does what it was told first. */
        WORKER_GOES_ON,
        WORKER_REFUSES,
        WORKER_DIES,
        WORKER_IS_STUCK,
        /** One that was given up does what it was told before that, and says so. */
        LOST_WORKER_WAKES,
        TIMERS,
        RETIRE,
        STOP
    }

    private static final SamplerSettings SETTINGS =
            new SamplerSettings(2, 2, Duration.ofMillis(1), List.of(1, 2), 1, Duration.ofMillis(1));

    /** Read once and not for every world. */
    private static final Config CONFIG = BehaviorTestKit.applicationTestConfig();

    /** The sampler and everything around it, without a thread. */
    private static final class World {
        /** A worker that was started, and what it has been told and not done. */
        private final class Hand {
            private final ActorRef<SamplerWorker.Command> actor;
            private final ActorRef<?> watch;
            private final int number;
            private final List<SamplerWorker.Command> orders = new ArrayList<>();

            private Hand(ActorRef<SamplerWorker.Command> actor, ActorRef<?> watch, int number) {
                this.actor = actor;
                this.watch = watch;
                this.number = number;
            }

            private void hear(TestInbox<SamplerWorker.Command> inbox) {
                for (SamplerWorker.Command order : inbox.getAllReceived()) {
                    if (order instanceof SamplerWorker.Abandon abandon) {
                        // As the real one: of a batch that is not under way it hears nothing.
                        if (orders.removeIf(
                                o -> o instanceof SamplerWorker.Run run && run.batch() == abandon.batch())) {
                            abandoned.add(new SamplerWorker.BatchAbandoned(number, abandon.batch()));
                        }
                        continue;
                    }
                    assertThat(orders).as("one at a time").noneMatch(o -> o.getClass()
                            .equals(order.getClass()));
                    orders.add(order);
                }
            }

            private Optional<SamplerWorker.Event> goesOn() {
                if (orders.isEmpty()) {
                    return Optional.empty();
                }
                SamplerWorker.Command order = orders.remove(0);
                if (order instanceof SamplerWorker.Prepare prepare) {
                    serving = prepare.plan();
                    return Optional.of(new SamplerWorker.Prepared(number, prepare.plan()));
                }
                SamplerWorker.Run run = (SamplerWorker.Run) order;
                return Optional.of(new SamplerWorker.BatchDone(
                        number,
                        run.batch(),
                        serving,
                        Tensor.owning(new float[2 * run.seeds().length], run.seeds().length, 2)));
            }

            private Optional<SamplerWorker.Event> refuses() {
                if (orders.isEmpty() || !(orders.get(0) instanceof SamplerWorker.Prepare prepare)) {
                    return Optional.empty();
                }
                orders.remove(0);
                return Optional.of(new SamplerWorker.PreparationFailed(number, prepare.plan(), "torn"));
            }

            private MixturePlan serving;
            private final List<SamplerWorker.Event> abandoned = new ArrayList<>();
        }

        private final FakeNetworks networks = new FakeNetworks();
        private final ExpertRef teacher = networks.file("teacher", Bench.TEACHER, (x, t, label) -> x);
        private final ExpertRef expert = networks.file("phase-1", Bench.TEACHER, (x, t, label) -> x);
        private final TestInbox<SupervisorMessage> supervisor = TestInbox.create();
        private final BehaviorTestKit<SamplerMessage> kit = BehaviorTestKit.create(
                Sampler.create(
                        SETTINGS,
                        new Workplace(
                                networks,
                                DispatcherSelector.defaultDispatcher(),
                                Duration.ofSeconds(1),
                                Courier.inThisJvm()),
                        () -> 0),
                "sampler",
                CONFIG);
        private final Map<Object, Effect.TimerScheduled<?>> timers = new LinkedHashMap<>();
        private final List<Hand> hands = new ArrayList<>();
        private final Map<String, TestInbox<GenerationReply>> requests = new LinkedHashMap<>();
        private Optional<Hand> hand = Optional.empty();
        /** Messages and signals that the sampler has had. */
        private int did;

        private int swaps;
        private int epoch;

        private void tell(SamplerMessage message) {
            if (kit.isAlive()) {
                did++;
                kit.run(message);
                look();
            }
        }

        @SuppressWarnings("unchecked")
        private void look() {
            ActorRef<SamplerWorker.Command> started = null;
            for (Effect effect : kit.getAllEffects()) {
                if (effect instanceof Effect.SpawnedAnonymous<?> spawned) {
                    if (started == null) {
                        started = (ActorRef<SamplerWorker.Command>) spawned.ref();
                    } else {
                        assertThat(hand).as("a worker at a time").isEmpty();
                        hand = Optional.of(new Hand(started, spawned.ref(), hands.size() + 1));
                        hands.add(hand.get());
                        started = null;
                    }
                } else if (effect instanceof Effect.Stopped stopped) {
                    hand = hand.filter(h -> !h.actor.path().name().equals(stopped.childName()));
                } else if (effect instanceof Effect.TimerScheduled<?> timer) {
                    timers.put(timer.key(), timer);
                } else if (effect instanceof Effect.TimerCancelled cancelled) {
                    timers.remove(cancelled.key());
                }
            }
            hand.ifPresent(h -> {
                h.hear(kit.childInbox(h.actor));
                List<SamplerWorker.Event> events = List.copyOf(h.abandoned);
                h.abandoned.clear();
                events.forEach(this::tell);
            });
        }

        private void lose(ActorRef<?> child) {
            if (kit.isAlive()) {
                did++;
                kit.signal(new ChildFailed(child.unsafeUpcast(), new IllegalStateException("CUDA error")));
                look();
            }
        }

        private void happens(Event event) {
            switch (event) {
                case SERVE -> tell(serve(++epoch, Bench.MODEL));
                case SERVE_ANOTHER_RUN ->
                    tell(serve(++epoch, new ModelCard("toy", Optional.of("another"), List.of(2), Bench.CLASSES)));
                case SWAP -> {
                    if (kit.isAlive()) {
                        swaps++;
                        tell(new SwapExpert(1, swaps % 2 == 0 ? teacher : expert, supervisor.getRef()));
                    }
                }
                case GENERATE -> {
                    if (kit.isAlive()) {
                        String id = "r" + requests.size();
                        requests.put(id, TestInbox.create());
                        tell(new Generate(
                                id, List.of(1L), 0, 1000, requests.get(id).getRef()));
                    }
                }
                case CANCEL -> tell(new Cancel("r0"));
                case DEADLINE ->
                    timers.entrySet().stream()
                            .filter(timer -> isDeadline(timer.getValue()))
                            .reduce((before, after) -> after)
                            .map(Map.Entry::getKey)
                            .ifPresent(this::fire);
                case WORKER_GOES_ON -> hand.flatMap(Hand::goesOn).ifPresent(this::tell);
                case WORKER_REFUSES -> hand.flatMap(Hand::refuses).ifPresent(this::tell);
                case WORKER_DIES -> hand.ifPresent(h -> lose(h.actor));
                case WORKER_IS_STUCK -> hand.ifPresent(h -> lose(h.watch));
                case LOST_WORKER_WAKES ->
                    hands.stream().filter(h -> !hand.equals(Optional.of(h))).forEach(h -> h.goesOn()
                            .ifPresent(this::tell));
                case TIMERS ->
                    timers.entrySet().stream()
                            .filter(timer -> !isDeadline(timer.getValue()))
                            .map(Map.Entry::getKey)
                            .toList()
                            .forEach(this::fire);
                case RETIRE -> tell(new Sampler.Retire());
                case STOP -> tell(new Release());
            }
        }

        private static boolean isDeadline(Effect.TimerScheduled<?> timer) {
            return timer.msg() instanceof Requests.DeadlinePassed;
        }

        private void fire(Object key) {
            Effect.TimerScheduled<?> timer = timers.remove(key);
            if (timer != null && kit.isAlive()) {
                did++;
                timer.send().apply();
                kit.runOne();
                look();
            }
        }

        private Serve serve(int epoch, ModelCard card) {
            return new Serve(
                    epoch,
                    card,
                    Bench.PHASES,
                    Schedule.RECTIFIED_FLOW,
                    teacher,
                    Bench.TEACHER_STEPS,
                    2,
                    supervisor.getRef(),
                    Optional.empty());
        }

        /** Says whether it serves; whoever is alive says something. */
        private boolean isReady() {
            TestInbox<SamplerStatus> status = TestInbox.create();
            tell(new SamplerMessage.GetStatus(status.getRef()));
            return status.receiveMessage().ready();
        }
    }

    /**
     * Everything happens, the sampler is told to end, and the books are balanced.
     *
     * @return whether the last event was one, and not the call to a worker that there is not, say
     */
    private static boolean happens(List<Event> events) {
        World world = new World();
        int did = 0;
        try {
            for (Event event : events) {
                did = world.did;
                world.happens(event);
            }
            boolean isOne = world.did > did;
            boolean toldToEnd = events.contains(Event.STOP) || events.contains(Event.RETIRE);
            if (!toldToEnd) {
                recovers(world);
            }
            world.happens(Event.STOP);
            assertThat(world.kit.isAlive()).isFalse();
            world.requests.forEach((id, answers) ->
                    assertThat(answers.getAllReceived()).as("answers to %s", id).hasSize(1));
            assertThat(world.supervisor.getAllReceived().stream()
                            .filter(said -> said instanceof SupervisorMessage.SwapDone
                                    || said instanceof SupervisorMessage.SwapRefused))
                    .as("answers to swaps")
                    .hasSize(world.swaps);
            return isOne;
        } catch (AssertionError | RuntimeException e) {
            throw new AssertionError("after " + events + ": " + e, e);
        }
    }

    /** From wherever it is, an order to serve and a worker that works lead to samples. */
    private static void recovers(World world) {
        world.happens(Event.SERVE);
        for (int i = 0; i < 8; i++) {
            world.happens(Event.TIMERS);
            world.happens(Event.WORKER_GOES_ON);
        }
        assertThat(world.isReady()).as("it serves again").isTrue();
        world.happens(Event.GENERATE);
        world.happens(Event.TIMERS);
        world.happens(Event.WORKER_GOES_ON);
        TestInbox<GenerationReply> last = world.requests.get("r" + (world.requests.size() - 1));
        List<GenerationReply> answers = last.getAllReceived();
        assertThat(answers).hasSize(1);
        assertThat(answers.get(0)).isInstanceOf(GenerationReply.Generated.class);
        world.requests.remove("r" + (world.requests.size() - 1));
    }

    @Test
    void allOrdersOfFourEvents() {
        allAfter(new ArrayList<>(), 4);
    }

    /** Few of the above come so far. */
    @Test
    void allOrdersOfThreeEventsOfOneThatIsAtABatch() {
        allAfter(new ArrayList<>(List.of(Event.SERVE, Event.WORKER_GOES_ON, Event.GENERATE, Event.TIMERS)), 3);
    }

    private static void allAfter(List<Event> before, int more) {
        for (Event next : Event.values()) {
            before.add(next);
            if (happens(before) && more > 1) {
                allAfter(before, more - 1);
            }
            before.remove(before.size() - 1);
        }
    }

    @Test
    void manyLongOrders() {
        for (long seed = 0; seed < 2_000; seed++) {
            Random random = new Random(seed);
            List<Event> weighted = new ArrayList<>(Arrays.asList(Event.values()));
            weighted.removeAll(List.of(Event.STOP, Event.RETIRE));
            weighted.addAll(Collections.nCopies(4, Event.WORKER_GOES_ON));
            weighted.addAll(Collections.nCopies(3, Event.GENERATE));
            weighted.addAll(Collections.nCopies(2, Event.TIMERS));
            List<Event> events = new ArrayList<>();
            for (int i = 0; i < 24; i++) {
                events.add(weighted.get(random.nextInt(weighted.size())));
            }
            if (seed % 4 == 0) {
                events.set(16, Event.RETIRE);
            }
            happens(events);
        }
    }
}

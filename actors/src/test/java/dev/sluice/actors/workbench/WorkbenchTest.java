package dev.sluice.actors.workbench;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.actors.fake.SmallRun;
import dev.sluice.actors.workbench.Workbench.Do;
import dev.sluice.actors.workbench.Workbench.Open;
import dev.sluice.actors.workbench.Workbench.Task;
import dev.sluice.runtime.network.EngineErrors;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.ChildFailed;
import org.apache.pekko.actor.typed.javadsl.BehaviorBuilder;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class WorkbenchTest {
    private static ActorTestKit kit;

    /** Something that lives on one thread; writes down what happens to it, and where. */
    private final class Lathe implements AutoCloseable {
        private final String name;

        Lathe(String name) {
            this.name = name;
            note("opened");
        }

        void note(String what) {
            happened.add(name + " " + what);
            threads.add(Thread.currentThread());
        }

        @Override
        public void close() {
            note("closed");
        }
    }

    private final List<String> happened = new CopyOnWriteArrayList<>();
    private final List<Thread> threads = new CopyOnWriteArrayList<>();
    private final TestProbe<String> said = kit.createTestProbe();
    private final TestProbe<String> failures = kit.createTestProbe();
    private ActorRef<Task<Lathe>> owner;

    @BeforeAll
    static void start() {
        kit = ActorTestKit.create(SmallRun.config());
    }

    @AfterAll
    static void shutDown() {
        kit.shutdownTestKit();
    }

    @BeforeEach
    void spawn() {
        owner = kit.spawn(owner(failures.getRef()));
    }

    /** A controller as the roles are: passes work on, and hears of the workbench's death. */
    private static Behavior<Task<Lathe>> owner(ActorRef<String> failures) {
        return Behaviors.setup(context -> {
            ActorRef<Task<Lathe>> bench = context.spawn(Workbench.<Lathe>create(), "bench", SmallRun.PINNED);
            context.watch(bench);
            return BehaviorBuilder.<Task<Lathe>>create()
                    .onAnyMessage(task -> {
                        bench.tell(task);
                        return Behaviors.same();
                    })
                    .onSignal(ChildFailed.class, failed -> {
                        failures.tell(EngineErrors.cause(failed.cause()));
                        return Behaviors.same();
                    })
                    .build();
        });
    }

    private void open(String name) {
        owner.tell(new Open<>(() -> new Lathe(name)));
    }

    private void work(Consumer<Lathe> work) {
        owner.tell(new Do<>(work));
    }

    private void awaitTheWorkSoFar() {
        work(lathe -> said.getRef().tell("done"));
        said.expectMessage("done");
    }

    @Test
    void workIsDoneInTheOrderItWasSent() {
        open("lathe");
        IntStream.range(0, 50).forEach(i -> work(lathe -> lathe.note("turned " + i)));
        awaitTheWorkSoFar();

        assertThat(happened)
                .hasSize(51)
                .startsWith("lathe opened", "lathe turned 0")
                .endsWith("lathe turned 49");
        assertThat(happened.subList(1, 51))
                .isEqualTo(IntStream.range(0, 50)
                        .mapToObj(i -> "lathe turned " + i)
                        .toList());
    }

    @Test
    void openingWorkAndClosingHaveOneThreadWhichNoOtherWorkbenchHas() {
        ActorRef<Task<Lathe>> neighbour = kit.spawn(owner(failures.getRef()));
        neighbour.tell(new Open<>(() -> new Lathe("neighbour")));
        neighbour.tell(new Do<>(lathe -> said.getRef().tell("neighbour's done")));
        said.expectMessage("neighbour's done");
        Thread neighbours = threads.get(0);
        threads.clear();

        open("lathe");
        for (int i = 0; i < 20; i++) {
            work(lathe -> lathe.note("turned"));
            awaitTheWorkSoFar();
        }
        kit.stop(owner, Duration.ofSeconds(10));

        assertThat(threads).hasSize(22);
        assertThat(threads).containsOnly(threads.get(0)).doesNotContain(neighbours);
    }

    @Test
    void whatItOwnsIsClosedOnceWhenItStops() {
        open("lathe");
        awaitTheWorkSoFar();
        kit.stop(owner, Duration.ofSeconds(10));

        assertThat(happened).containsExactly("lathe opened", "lathe closed");
    }

    @Test
    void openingTheNextClosesTheOneBefore() {
        open("first");
        open("second");
        work(lathe -> lathe.note("turned"));
        awaitTheWorkSoFar();
        kit.stop(owner, Duration.ofSeconds(10));

        assertThat(happened)
                .containsExactly("first opened", "first closed", "second opened", "second turned", "second closed");
    }

    @Test
    void aFailureOfWorkReachesTheOwnerWithItsCauseAndClosesWhatWasOpen() {
        open("lathe");
        work(lathe -> {
            throw new IllegalStateException("the belt tore\n\tat the pulley");
        });

        failures.expectMessage("the belt tore");
        assertThat(happened).containsExactly("lathe opened", "lathe closed");
        assertThat(threads).containsOnly(threads.get(0));
    }

    @Test
    void memoryOrStackThatRunsOutIsTheWorksFailureAndNotTheProcesssEnd() {
        open("lathe");
        work(lathe -> {
            throw new OutOfMemoryError("Java heap space");
        });
        failures.expectMessage("it ran out of memory (Java heap space)");

        spawn();
        open("next");
        work(lathe -> {
            throw new StackOverflowError();
        });
        failures.expectMessage("it ran out of stack");

        spawn();
        open("last");
        work(lathe -> {
            throw new UnsatisfiedLinkError("no torch in java.library.path");
        });
        failures.expectMessage("UnsatisfiedLinkError: no torch in java.library.path");
    }

    @Test
    void workThatWaitedBehindAFailureIsNotDone() {
        open("lathe");
        work(lathe -> {
            throw new IllegalStateException("the belt tore");
        });
        work(lathe -> lathe.note("turned"));
        open("another");
        failures.expectMessage("the belt tore");
        kit.stop(owner, Duration.ofSeconds(10));

        assertThat(happened).containsExactly("lathe opened", "lathe closed");
    }

    @Test
    void aFailureOfOpeningReachesTheOwnerAndNothingIsDoneAfterIt() {
        owner.tell(new Open<>(() -> {
            throw new IllegalArgumentException("no such lathe");
        }));
        work(lathe -> lathe.note("turned"));

        failures.expectMessage("no such lathe");
        assertThat(happened).isEmpty();
    }

    @Test
    void aFailureOfOpeningLeavesNothingOfTheOneBeforeOpen() {
        open("first");
        owner.tell(new Open<>(() -> {
            throw new IllegalArgumentException("no such lathe");
        }));

        failures.expectMessage("no such lathe");
        assertThat(happened).containsExactly("first opened", "first closed");
    }

    @Test
    void workBeforeAnythingIsOpenIsAFailure() {
        work(lathe -> lathe.note("turned"));

        failures.expectMessage("work came before anything was opened");
        assertThat(happened).isEmpty();
    }

    @Test
    void aFailureWithoutAMessageIsNamedAfterItsKind() {
        open("lathe");
        work(lathe -> {
            throw new UnsupportedOperationException();
        });

        failures.expectMessage("UnsupportedOperationException");
        assertThat(happened).endsWith("lathe closed");
    }
}

package dev.sluice.actors.supervisor;

import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.message.SamplerMessage;
import dev.sluice.protocol.message.SupervisorMessage;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import org.apache.pekko.actor.typed.ActorRef;

/** The sampler's side of a run: what it was told to serve, the swaps and the sheets that are still to come. */
final class Serving {
    private static final String TEACHER = "sampler";

    private final RunPlan run;
    private final Chronicle chronicle;
    private final Limits limits;
    private final ActorRef<Gallery.Command> gallery;
    private final ActorRef<SupervisorMessage> supervisor;
    private ActorRef<SamplerMessage> sampler;
    private final Set<Integer> swapping = new HashSet<>();
    private final Set<Integer> drawing = new HashSet<>();
    private boolean drawable = true;

    Serving(
            RunPlan run,
            Chronicle chronicle,
            Limits limits,
            ActorRef<Gallery.Command> gallery,
            ActorRef<SupervisorMessage> supervisor) {
        this.run = run;
        this.chronicle = chronicle;
        this.limits = limits;
        this.gallery = gallery;
        this.supervisor = supervisor;
    }

    /** Has the teacher served by {@code by}, until experts are swapped in. */
    void begin(ActorRef<SamplerMessage> by) {
        sampler = by;
        sampler.tell(new SamplerMessage.Serve(
                run.epoch(),
                run.card(),
                run.plan(),
                run.recipe().schedule(),
                run.teacher(),
                run.teacherSteps(),
                run.recipe().guidance(),
                supervisor,
                Optional.of(chronicle.recorder())));
        limits.await(TEACHER, run.timeouts().load(), "the sampler to serve the teacher");
    }

    void ready() {
        if (limits.came(TEACHER)) {
            chronicle.tell("serving", "model", run.card().name());
            draw(0);
        }
    }

    void swapIn(int phase, ExpertRef expert) {
        swapping.add(phase);
        chronicle.tell("swap-begun", "phase", phase, "version", expert.version());
        sampler.tell(new SamplerMessage.SwapExpert(phase, expert, supervisor));
        limits.await(swap(phase), run.timeouts().swap(), "the sampler to swap in the expert of phase " + phase);
    }

    void swapDone(SupervisorMessage.SwapDone done) {
        if (swapping.remove(done.phase())) {
            limits.came(swap(done.phase()));
            chronicle.tell(
                    "swap-done",
                    "phase",
                    done.phase(),
                    "version",
                    done.expert().version(),
                    "sha256",
                    done.expert().sha256(),
                    "millis",
                    done.millis());
            draw(done.phase());
        }
    }

    /** Says whether this swap was under way. */
    boolean swapRefused(SupervisorMessage.SwapRefused refused) {
        boolean awaited = swapping.remove(refused.phase());
        if (awaited) {
            limits.came(swap(refused.phase()));
            chronicle.tell("swap-refused", "phase", refused.phase(), "reason", refused.reason());
        }
        return awaited;
    }

    private void draw(int afterPhase) {
        if (drawable) {
            drawing.add(afterPhase);
            gallery.tell(new Gallery.Draw(afterPhase, sampler));
        }
    }

    void drawn(int afterPhase) {
        drawing.remove(afterPhase);
    }

    /** The gallery is gone: the run goes on without sheets. */
    void drawNoMore() {
        drawable = false;
        drawing.clear();
    }

    /** Whether everything that was asked of the sampler is done. */
    boolean isSettled() {
        return swapping.isEmpty() && drawing.isEmpty();
    }

    private static String swap(int phase) {
        return "swap-" + phase;
    }
}

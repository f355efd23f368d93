package dev.sluice.actors.supervisor;

import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.Role;
import dev.sluice.protocol.event.RunEvent;
import dev.sluice.protocol.message.SamplerMessage;
import dev.sluice.protocol.message.SupervisorMessage;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.pekko.actor.typed.ActorRef;

/**
 * The samplers' side of a run: what they were told to serve, the swaps and the sheets that are still to come. A sampler
 * that joins late is told everything that the others were.
 */
final class Serving {
    private static final class Sampler {
        private final Set<Integer> swapping = new HashSet<>();
        private boolean serves;
    }

    private final RunPlan run;
    private final Chronicle chronicle;
    private final Limits limits;
    private final ActorRef<Gallery.Command> gallery;
    private final ActorRef<SupervisorMessage> supervisor;
    private final Map<ActorRef<SamplerMessage>, Sampler> samplers = new LinkedHashMap<>();
    private final List<ExpertRef> experts = new ArrayList<>();
    private final Set<Integer> drawing = new HashSet<>();
    private final Set<Integer> sheets = new HashSet<>();
    private boolean drawable = true;
    private boolean everServed;

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

    /** Has the teacher served by {@code sampler}, and every expert that is finished. */
    void begin(ActorRef<SamplerMessage> sampler) {
        samplers.put(sampler, new Sampler());
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
        limits.await(
                new Limits.Awaited.Loaded(Role.SAMPLER, sampler),
                run.timeouts().load(),
                () -> "the sampler to serve the teacher");
        for (int phase = 1; phase <= experts.size(); phase++) {
            swapIn(sampler, phase, experts.get(phase - 1));
        }
    }

    /** This one serves no more, and nothing is expected of it. */
    void lost(ActorRef<?> sampler) {
        Sampler was = samplers.remove(sampler);
        if (was != null) {
            limits.came(new Limits.Awaited.Loaded(Role.SAMPLER, sampler));
            was.swapping.forEach(phase -> limits.came(new Limits.Awaited.Swapped(sampler, phase)));
        }
    }

    void ready(ActorRef<?> sampler) {
        Sampler by = samplers.get(sampler);
        if (by != null && limits.came(new Limits.Awaited.Loaded(Role.SAMPLER, sampler))) {
            by.serves = true;
            everServed = true;
            chronicle.tell(e ->
                    new RunEvent.Serving(e, run.card().name(), sampler.path().toString()));
            draw(0, sampler);
        }
    }

    /** The expert of the phase after the last is finished. */
    void finished(ExpertRef expert) {
        experts.add(expert);
        samplers.keySet().forEach(sampler -> swapIn(sampler, experts.size(), expert));
    }

    private void swapIn(ActorRef<SamplerMessage> sampler, int phase, ExpertRef expert) {
        samplers.get(sampler).swapping.add(phase);
        chronicle.tell(e -> new RunEvent.SwapBegun(e, phase, expert.version()));
        sampler.tell(new SamplerMessage.SwapExpert(phase, expert, supervisor));
        limits.await(
                new Limits.Awaited.Swapped(sampler, phase),
                run.timeouts().swap(),
                () -> "the sampler to swap in the expert of phase " + phase);
    }

    void swapDone(SupervisorMessage.SwapDone done) {
        if (isAwaited(done.sampler(), done.phase(), done.expert())) {
            cameToAnEnd(done.sampler(), done.phase());
            chronicle.tell(e -> new RunEvent.SwapDone(
                    e, done.phase(), done.expert().version(), done.expert().sha256(), done.millis()));
            draw(done.phase(), done.sampler());
        }
    }

    /** Tells a sampler that refused a swap to try it again. */
    void swapAgain(SupervisorMessage.SwapRefused refused) {
        if (samplers.containsKey(refused.sampler())) {
            swapIn(refused.sampler(), refused.phase(), refused.expert());
        }
    }

    /** Says whether this swap was under way. */
    boolean swapRefused(SupervisorMessage.SwapRefused refused) {
        boolean awaited = isAwaited(refused.sampler(), refused.phase(), refused.expert());
        if (awaited) {
            limits.came(new Limits.Awaited.Swapped(refused.sampler(), refused.phase()));
            chronicle.tell(e -> new RunEvent.SwapRefused(e, refused.phase(), refused.reason()));
        }
        return awaited;
    }

    private boolean isAwaited(ActorRef<SamplerMessage> sampler, int phase, ExpertRef expert) {
        Sampler by = samplers.get(sampler);
        return by != null
                && by.swapping.contains(phase)
                && experts.get(phase - 1).sha256().equals(expert.sha256());
    }

    private void cameToAnEnd(ActorRef<SamplerMessage> sampler, int phase) {
        samplers.get(sampler).swapping.remove(phase);
        limits.came(new Limits.Awaited.Swapped(sampler, phase));
    }

    /** The first sampler that has come so far is asked; a stage has one sheet. */
    private void draw(int afterPhase, ActorRef<?> sampler) {
        if (drawable && sheets.add(afterPhase)) {
            drawing.add(afterPhase);
            samplers.keySet().stream()
                    .filter(sampler::equals)
                    .forEach(by -> gallery.tell(new Gallery.Draw(afterPhase, by)));
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

    /** Whether this one serves the teacher and every finished expert. */
    boolean servesEverything(ActorRef<?> sampler) {
        Sampler by = samplers.get(sampler);
        return by != null && by.serves && by.swapping.isEmpty();
    }

    /** Whether the teacher itself cannot be served: this one has failed, none ever served it and there is nobody else. */
    boolean isRefusedBy(ActorRef<?> sampler) {
        return !everServed && samplers.size() == 1 && samplers.containsKey(sampler);
    }

    /** Who was told to serve and does not yet. */
    List<ActorRef<SamplerMessage>> loading() {
        return samplers.entrySet().stream()
                .filter(sampler -> !sampler.getValue().serves)
                .map(Map.Entry::getKey)
                .toList();
    }

    /** Whether somebody serves. */
    boolean isServed() {
        return samplers.values().stream().anyMatch(sampler -> sampler.serves);
    }

    /** Whether somebody serves every finished expert, and everything that was asked of the samplers is done. */
    boolean isSettled() {
        return isServed()
                && samplers.values().stream().allMatch(sampler -> sampler.serves && sampler.swapping.isEmpty())
                && drawing.isEmpty();
    }
}

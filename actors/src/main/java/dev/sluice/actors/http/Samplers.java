package dev.sluice.actors.http;

import dev.sluice.actors.discovery.Discovery;
import dev.sluice.actors.sampler.SamplerClient;
import dev.sluice.protocol.message.GenerationReply;
import dev.sluice.protocol.message.SamplerMessage;
import dev.sluice.protocol.message.SamplerStatus;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.Terminated;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;
import org.apache.pekko.actor.typed.receptionist.Receptionist;

/**
 * The samplers of the whole cluster, as the HTTP API of one control node knows them: several of a model, several models.
 * They come and go by themselves and are found without a supervisor, so they serve on when every training role is down.
 *
 * <p>Thread-safe. A sampler's controller always answers, so one that does not has a dead or suspended node: it is passed
 * over until it answers again. They are asked all the time and not for each request: hundreds of requests at once would
 * wait behind hundreds of questions.
 */
final class Samplers {
    private static final Duration STATUS_WITHIN = Duration.ofSeconds(2);

    /** After each answer; so old may be what is known of a sampler, and {@link #STATUS_WITHIN} more if it falls silent. */
    private static final Duration ASK_EVERY = Duration.ofMillis(200);

    /** For a node that was still joining when a listing named its sampler. */
    private static final Duration LOOK_AGAIN = Duration.ofSeconds(1);

    /** The sampler that had the request is gone. Another one can be asked: a sample depends on its seed alone. */
    static final class Gone extends RuntimeException {
        private static final long serialVersionUID = 1L;

        Gone() {
            super("the sampler is gone", null, false, false);
        }
    }

    /** A sampler and what it last said. */
    record Sampler(ActorRef<SamplerMessage> actor, SamplerStatus status) {
        boolean serves(String model) {
            return status.card()
                    .filter(card -> model.isEmpty()
                            || card.name().equals(model)
                            || status.modelVersion().equals(model))
                    .isPresent();
        }
    }

    private static final class Known {
        private final Set<CompletableFuture<GenerationReply>> open = ConcurrentHashMap.newKeySet();
        /** What it said last; null before it said anything, and while it does not answer. */
        private volatile SamplerStatus status;
    }

    /** What the listener hears. */
    sealed interface Heard {}

    private record Listed(Receptionist.Listing listing) implements Heard {}

    /** @param status null where there was no answer */
    private record Said(ActorRef<SamplerMessage> sampler, SamplerStatus status) implements Heard {}

    private record Ask(ActorRef<SamplerMessage> sampler) implements Heard {}

    private final ActorSystem<?> system;
    private final SamplerClient client;
    private final Map<ActorRef<SamplerMessage>, Known> known = new ConcurrentHashMap<>();

    /** @param client that requests are made by */
    Samplers(ActorSystem<?> system, SamplerClient client) {
        this.system = system;
        this.client = client;
    }

    /** Keeps this up to date; spawn it once. */
    Behavior<Heard> listener() {
        return Behaviors.withTimers(timers -> Behaviors.setup(context -> {
            context.getSystem()
                    .receptionist()
                    .tell(Receptionist.subscribe(
                            Discovery.SAMPLER, context.messageAdapter(Receptionist.Listing.class, Listed::new)));
            return Behaviors.receive(Heard.class)
                    .onMessage(Listed.class, listed -> {
                        onListed(listed, context, timers);
                        return Behaviors.same();
                    })
                    .onMessage(Ask.class, ask -> {
                        if (known.containsKey(ask.sampler())) {
                            context.ask(
                                    SamplerStatus.class,
                                    ask.sampler(),
                                    STATUS_WITHIN,
                                    SamplerMessage.GetStatus::new,
                                    (status, failure) -> new Said(ask.sampler(), status));
                        }
                        return Behaviors.same();
                    })
                    .onMessage(Said.class, said -> {
                        Known about = known.get(said.sampler());
                        if (about != null) {
                            about.status = said.status();
                            timers.startSingleTimer(said.sampler(), new Ask(said.sampler()), ASK_EVERY);
                        }
                        return Behaviors.same();
                    })
                    .onSignal(Terminated.class, terminated -> {
                        known.keySet().stream()
                                .filter(terminated.getRef()::equals)
                                .toList()
                                .forEach(this::gone);
                        return Behaviors.same();
                    })
                    .build();
        }));
    }

    private void onListed(Listed listed, ActorContext<Heard> context, TimerScheduler<Heard> timers) {
        Set<ActorRef<SamplerMessage>> all = listed.listing().getServiceInstances(Discovery.SAMPLER);
        Set<ActorRef<SamplerMessage>> there = all.stream()
                .filter(actor -> Discovery.isWatchable(system, actor))
                .collect(Collectors.toSet());
        if (there.size() < all.size()) {
            // The next listing takes the place of this one.
            timers.startSingleTimer(Samplers.class, listed, LOOK_AGAIN);
        } else {
            timers.cancel(Samplers.class);
        }
        new HashSet<>(known.keySet())
                .stream().filter(actor -> !there.contains(actor)).forEach(this::gone);
        there.stream()
                .filter(actor -> known.putIfAbsent(actor, new Known()) == null)
                .forEach(actor -> {
                    context.watch(actor);
                    context.getSelf().tell(new Ask(actor));
                });
    }

    private void gone(ActorRef<SamplerMessage> actor) {
        Known was = known.remove(actor);
        if (was != null) {
            was.open.forEach(request -> request.completeExceptionally(new Gone()));
        }
    }

    /** Every sampler that answers, in no order, as it was a moment ago. */
    List<Sampler> all() {
        List<Sampler> all = new ArrayList<>();
        known.forEach((actor, about) -> {
            SamplerStatus status = about.status;
            if (status != null) {
                all.add(new Sampler(actor, status));
            }
        });
        return all;
    }

    /** Whether there are samplers, and every one that answers has {@code most} requests of this API. */
    boolean areFull(int most) {
        List<Known> there =
                known.values().stream().filter(about -> about.status != null).toList();
        return !there.isEmpty() && there.stream().allMatch(about -> about.open.size() >= most);
    }

    /** Requests of this API that are at a sampler and not answered yet. */
    int open(Sampler sampler) {
        Known about = known.get(sampler.actor());
        return about == null ? 0 : about.open.size();
    }

    /** Requests that are at a sampler and not answered yet, of this API and those before it in its queue. */
    int load(Sampler sampler) {
        return sampler.status().queued() + open(sampler);
    }

    /**
     * Asks one sampler; as {@link SamplerClient#ask}.
     *
     * @return fails with {@link Gone} too, as soon as the sampler is known to be gone
     */
    CompletionStage<GenerationReply> ask(
            ActorRef<SamplerMessage> sampler, String id, List<Long> seeds, int label, Duration deadline) {
        Known about = known.get(sampler);
        if (about == null) {
            return CompletableFuture.failedFuture(new Gone());
        }
        CompletableFuture<GenerationReply> answer = client.ask(sampler, id, seeds, label, deadline);
        about.open.add(answer);
        if (known.get(sampler) != about) {
            // It went between the two looks; whoever removed it may not have seen this request.
            answer.completeExceptionally(new Gone());
        }
        // Elsewhere: making images of one answer must not hold up the next.
        return answer.whenCompleteAsync((reply, failure) -> about.open.remove(answer), system.executionContext());
    }
}

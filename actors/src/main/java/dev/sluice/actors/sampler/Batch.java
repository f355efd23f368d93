package dev.sluice.actors.sampler;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * Requests that share the worker's evaluations. Those that are cancelled or too late leave, their rows do not: the rest
 * of the batch is not begun again for them.
 */
final class Batch {
    private final long id;
    private final long startedAt;
    private final int rows;
    private final List<Member> members = new ArrayList<>();

    /** A request and its rows in the batch, {@code from} to {@code from + samples}. */
    record Member(Pending request, int from) {
        int to() {
            return from + request.samples();
        }
    }

    Batch(long id, long startedAt, List<Pending> requests) {
        this.id = id;
        this.startedAt = startedAt;
        int row = 0;
        for (Pending request : requests) {
            members.add(new Member(request, row));
            row += request.samples();
        }
        this.rows = row;
    }

    /** The worker's order for it. To be asked before anybody leaves. */
    SamplerWorker.Run order(SamplerSettings settings) {
        long[] seeds = new long[rows];
        long[] labels = new long[rows];
        for (Member member : members) {
            List<Long> own = member.request().request().seeds();
            for (int i = 0; i < own.size(); i++) {
                seeds[member.from() + i] = own.get(i);
            }
            Arrays.fill(
                    labels,
                    member.from(),
                    member.to(),
                    member.request().request().label());
        }
        return new SamplerWorker.Run(id, seeds, labels, settings.paddedSize(rows));
    }

    long id() {
        return id;
    }

    /** By the sampler's clock, nanoseconds. */
    long startedAt() {
        return startedAt;
    }

    /** Samples in it, those of requests that left included. */
    int rows() {
        return rows;
    }

    /** Those who still wait for it. */
    List<Member> members() {
        return List.copyOf(members);
    }

    boolean contains(String request) {
        return members.stream().anyMatch(m -> m.request().id().equals(request));
    }

    Optional<Pending> remove(String request) {
        for (Member member : members) {
            if (member.request().id().equals(request)) {
                members.remove(member);
                return Optional.of(member.request());
            }
        }
        return Optional.empty();
    }

    /** Whether nobody waits for it any more. */
    boolean isDeserted() {
        return members.isEmpty();
    }
}

package dev.sluice.actors.sampler;

import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.Map;

/** How many requests a sampler has seen since it started, and what became of them. Not thread-safe. */
final class Tally {
    private long accepted;
    private long served;
    private final Map<Ending, Long> endings = new EnumMap<>(Ending.class);

    void accepted() {
        accepted++;
    }

    void served() {
        served++;
    }

    void ended(Ending ending) {
        endings.merge(ending, 1L, Long::sum);
    }

    /**
     * The counts by name: {@code accepted}, {@code served}, and for {@code cancelled}, {@code failed} and
     * {@code refused} the sum and every reason that occurred.
     */
    Map<String, Long> counts() {
        Map<String, Long> counts = new LinkedHashMap<>();
        counts.put("accepted", accepted);
        counts.put("served", served);
        for (Ending.Kind kind : Ending.Kind.values()) {
            counts.put(kind.key(), 0L);
        }
        endings.forEach((ending, count) -> {
            counts.put(ending.key(), count);
            counts.merge(ending.kind().key(), count, Long::sum);
        });
        return counts;
    }
}

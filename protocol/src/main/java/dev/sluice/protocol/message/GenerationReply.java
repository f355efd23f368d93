package dev.sluice.protocol.message;

import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.Tensor;
import java.util.List;

/** The sampler's answer to {@link SamplerMessage.Generate}. */
public sealed interface GenerationReply {
    /** Which request this answers. */
    String id();

    /**
     * The samples.
     *
     * @param samples float32 [n, …], in the order of {@code seeds}
     * @param experts that made them, noisiest phase first
     * @param nfe network evaluations behind each sample; a guided step counts two
     * @param batchSize samples that shared the evaluations, other requests' included
     */
    record Generated(
            String id,
            Tensor samples,
            List<Long> seeds,
            String modelVersion,
            List<ExpertRef> experts,
            int nfe,
            int batchSize,
            long queueMillis,
            long computeMillis)
            implements GenerationReply {
        public Generated {
            seeds = List.copyOf(seeds);
            experts = List.copyOf(experts);
        }
    }

    /** No samples, and why. */
    record Refused(String id, Reason reason, String message) implements GenerationReply {}

    /** Why a request was refused; the HTTP API maps each to one status. */
    enum Reason {
        /** Nothing is loaded yet, or the sampler is stopping; try again later. */
        NOT_READY,
        /** The queue is at its bound; try again later. */
        QUEUE_FULL,
        /** The deadline passed before the samples were done. */
        DEADLINE,
        /** The request names something the model does not have. */
        BAD_REQUEST,
        /** The client cancelled. */
        CANCELLED,
        /** The sampler broke; the message says how. */
        FAILED
    }
}

package dev.sluice.protocol.message;

import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.ModelCard;
import java.util.List;
import java.util.Optional;

/**
 * The sampler's state as its controller sees it.
 *
 * @param ready networks loaded and warmed
 * @param card what is served; empty before {@link SamplerMessage.Serve}
 * @param modelVersion of the whole mixture, changes at every swap
 * @param experts in charge, noisiest phase first, the teacher wherever none is finished
 * @param nfe network evaluations a sample takes now
 * @param queued requests waiting
 */
public record SamplerStatus(
        boolean ready, Optional<ModelCard> card, String modelVersion, List<ExpertRef> experts, int nfe, int queued) {
    public SamplerStatus {
        experts = List.copyOf(experts);
    }
}

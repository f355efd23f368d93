/** Moves training from the noisiest phase to the last, and finished experts into the sampler. */
package dev.sluice.actors.supervisor;

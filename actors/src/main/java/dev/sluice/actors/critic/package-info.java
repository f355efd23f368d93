/** The fake-score critic: trains on what the generator rolls out, and answers with gradients. */
package dev.sluice.actors.critic;

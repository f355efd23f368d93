/** The generator expert: rolls out batches, and steps on the gradients that come back. */
package dev.sluice.actors.generator;

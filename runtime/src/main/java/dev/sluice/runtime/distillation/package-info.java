/**
 * Phased DMD put together: what the generator, the critic and the teacher each do in a cycle, and the plain
 * single-threaded loop over the three that the actor system must equal bit for bit.
 */
package dev.sluice.runtime.distillation;

/** Turns the parts that the trainers wrote into checkpoints, in an actor of its own. */
package dev.sluice.actors.checkpoint;

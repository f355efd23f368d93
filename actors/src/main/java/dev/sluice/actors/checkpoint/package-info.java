/** Turns the trainers' parts into checkpoints, beside the run (design, decision 6). */
package dev.sluice.actors.checkpoint;

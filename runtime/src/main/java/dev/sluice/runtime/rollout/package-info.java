/** How samples walk down the schedule: the solver, and the policies that decide which steps carry the gradient. */
package dev.sluice.runtime.rollout;

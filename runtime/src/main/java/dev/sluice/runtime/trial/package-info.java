/**
 * Network files from outside are tried in a process of their own before a run believes them: the parent's side ({@link
 * dev.sluice.runtime.trial.Trials}), the child's ({@link dev.sluice.runtime.trial.TrialProcess}), and what an experiment
 * will need of memory by what the trial measured ({@link dev.sluice.runtime.trial.MemoryEstimate}).
 */
package dev.sluice.runtime.trial;

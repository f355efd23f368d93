/** What finished runs are measured by: fidelity, diversity and cost, each beside the teacher's own value. */
package dev.sluice.runtime.evaluation;

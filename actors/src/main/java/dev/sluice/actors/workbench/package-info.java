/** The pinned thread that every role that computes has. */
package dev.sluice.actors.workbench;

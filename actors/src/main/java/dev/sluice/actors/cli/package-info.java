/** The command line: one class a command, each a thin shell around what the other rooms do. */
package dev.sluice.actors.cli;

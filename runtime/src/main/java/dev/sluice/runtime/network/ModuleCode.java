package dev.sluice.runtime.network;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * Looks through the source in a TorchScript file. Such a file is a program, and of the operations of the libtorch that comes with
 * Sluice a few reach out of it: {@code aten::save} and {@code aten::from_file} write and read any file of the process (the
 * only two of its 5,000 operations that take a file's name), {@code mkldnn::data_ptr} gives addresses away, calls
 * to other processes and the classes of {@code c10d} open sockets. Those names are refused, and with them every namespace and
 * native class that is not for arithmetic; whatever else a network calls is libtorch's arithmetic. A list of what is allowed
 * would have to be renewed with each release, and would refuse good networks until then.
 *
 * <p>The text is cut into words as libtorch's own parser does, so that neither spaces nor comments hide a name, and an
 * attribute can be asked for by a text ({@code getattr}) only where that text stands there. That a network ends, and
 * how much memory it takes, no reading can tell.
 */
final class ModuleCode {
    private static final Set<String> REACHING_OUT = Set.of("save", "from_file", "data_ptr");
    private static final Set<String> OTHER_PROCESSES = Set.of("rpc_async", "rpc_sync", "rpc_remote");
    private static final Set<String> NAMESPACES = Set.of(
            "aten",
            "prim",
            "quantized",
            "_quantized",
            "prepacked",
            "mkldnn",
            "mkldnn_prepacked",
            "onednn",
            "sparse",
            "mkl");
    private static final Set<String> NATIVE_CLASSES =
            Set.of("quantized", "rnn", "mkldnn", "sparse", "xnnpack", "vulkan", "metal");
    private static final Set<String> OPERATORS = Set.of("not", "and", "or", "if", "else", "is", "in");
    private static final int DEEPEST = 200;
    private static final int MOST_OPERATORS = 2_000;

    private final String file;
    private final String source;
    private final List<String> words = new ArrayList<>();
    private final List<Integer> lines = new ArrayList<>();
    private int depth;
    private int operators;

    private ModuleCode(String file, String source) {
        this.file = file;
        this.source = source;
    }

    /**
     * @param file of the archive, for messages
     * @throws ModuleArchive.Damage naming the operation, file and line
     */
    static void requireHarmless(String file, String source) throws ModuleArchive.Damage {
        ModuleCode code = new ModuleCode(file, source);
        code.cut();
        for (int i = 0; i < code.words.size(); i++) {
            code.look(i);
        }
    }

    /** Objects of native classes stand in the pickle too. */
    static void requireHarmlessClass(String file, String name) throws ModuleArchive.Damage {
        String prefix = "__torch__.torch.classes.";
        if (name.startsWith(prefix)
                && !NATIVE_CLASSES.contains(name.substring(prefix.length()).split("\\.", 2)[0])) {
            throw new ModuleArchive.Damage("it holds an object of the native class "
                    + ModuleArchive.quoted(name.substring(prefix.length()))
                    + ", which is not libtorch's arithmetic; leave it"
                    + " out of the model (" + file + ")");
        }
    }

    private String word(int i) {
        return i >= 0 && i < words.size() ? words.get(i) : "";
    }

    private ModuleArchive.Damage refused(int i, String what) {
        return at(i < lines.size() ? lines.get(i) : 1, what);
    }

    private ModuleArchive.Damage at(int line, String what) {
        return new ModuleArchive.Damage("its code " + what + " (" + file + ", line " + line + ")");
    }

    private void look(int i) throws ModuleArchive.Damage {
        String word = words.get(i);
        boolean attribute = word(i - 1).equals(".");
        if (attribute && REACHING_OUT.contains(word)) {
            throw refused(i, reachesOut(word));
        }
        if (!attribute && OTHER_PROCESSES.contains(word)) {
            throw refused(i, "calls other processes with " + word + ", which no network needs");
        }
        if (!attribute && word.equals("ops")) {
            String namespace = word(i + 2);
            if (!word(i + 1).equals(".")
                    || !NAMESPACES.contains(namespace)
                    || !word(i + 3).equals(".")) {
                throw refused(
                        i,
                        "uses operations of the namespace " + ModuleArchive.quoted(namespace)
                                + ", which are not libtorch's arithmetic; leave them out of the model");
            }
            if (namespace.equals("prim") && word(i + 4).equals("ConstantMKLDNNTensor")) {
                throw refused(
                        i,
                        "was made by torch.jit.optimize_for_inference, which no file brings back; save the module without");
            }
        }
        if (attribute
                && word.equals("classes")
                && word(i + 1).equals(".")
                && word(i - 2).equals("torch")
                && !NATIVE_CLASSES.contains(word(i + 2))) {
            throw refused(
                    i,
                    "uses the native class " + ModuleArchive.quoted(word(i + 2) + "." + word(i + 4))
                            + ", which is not libtorch's arithmetic; leave it out of the model");
        }
        if (word.equals("getattr")) {
            lookAtAttribute(i);
        }
    }

    private static String reachesOut(String word) {
        return switch (word) {
            case "save" ->
                "names the operation save, which writes any file; leave it out of the model, or call a method of"
                        + " your own something else";
            case "from_file" -> "names the operation from_file, which reads any file; leave it out of the model";
            default -> "names the operation " + word + ", which gives memory away; leave it out of the model";
        };
    }

    /** {@code getattr(net, "0")}: how a name that is no identifier is written. */
    private void lookAtAttribute(int i) throws ModuleArchive.Damage {
        int open = 0;
        int end = i + 1;
        do {
            String word = word(end);
            if (word.isEmpty()) {
                throw refused(i, "asks for an attribute in a way that torch.jit.save does not write");
            }
            open += word.equals("(") ? 1 : word.equals(")") ? -1 : 0;
            end++;
        } while (open > 0);
        String name = word(end - 2);
        boolean plain = word(end - 3).equals(",")
                && name.length() >= 2
                && (name.charAt(0) == '"' || name.charAt(0) == '\'')
                && !name.contains("\\");
        if (!plain || REACHING_OUT.contains(name.substring(1, name.length() - 1))) {
            throw refused(
                    i,
                    "asks for the attribute " + ModuleArchive.quoted(name) + " by name; leave that out of the model");
        }
    }

    /** Fills {@link #words}: names, texts with their quotes, and single characters for the rest. */
    private void cut() throws ModuleArchive.Damage {
        int line = 1;
        int at = 0;
        while (at < source.length()) {
            char c = source.charAt(at);
            if (c == '\n') {
                line++;
                at++;
                beginLine(at, line);
            } else if (c == ' ' || c == '\t' || c == '\r' || c == '\\') {
                at++;
            } else if (c == '#') {
                while (at < source.length() && source.charAt(at) != '\n') {
                    at++;
                }
            } else if (c == '"' || c == '\'') {
                int end = endOfText(at, line);
                add(source.substring(at, end), line);
                for (int i = at; i < end; i++) {
                    line += source.charAt(i) == '\n' ? 1 : 0;
                }
                at = end;
            } else if (isName(c)) {
                int end = at;
                while (end < source.length() && isName(source.charAt(end))) {
                    end++;
                }
                add(source.substring(at, end), line);
                operators += OPERATORS.contains(source.substring(at, end)) ? 1 : 0;
                at = end;
            } else {
                add(String.valueOf(c), line);
                nest(c, line);
                at++;
            }
        }
    }

    private static boolean isName(char c) {
        return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9';
    }

    private void add(String word, int line) {
        words.add(word);
        lines.add(line);
    }

    /** As libtorch's lexer does: what a backslash precedes does not end a text. */
    private int endOfText(int from, int line) throws ModuleArchive.Damage {
        char quote = source.charAt(from);
        String three = String.valueOf(quote).repeat(3);
        String closing = source.startsWith(three, from) ? three : String.valueOf(quote);
        int at = from + closing.length();
        while (!source.startsWith(closing, at)) {
            if (at >= source.length() || source.charAt(at) == '\n' && closing.length() == 1) {
                throw at(line, "has a text without end");
            }
            at += source.charAt(at) == '\\' ? 2 : 1;
        }
        return at + closing.length();
    }

    /** libtorch reads expressions and blocks by recursion: one nested without end would end the process. */
    private void nest(char c, int line) throws ModuleArchive.Damage {
        switch (c) {
            case '(', '[', '{' -> depth++;
            case ')', ']', '}' -> depth--;
            case '+', '-', '*', '/', '%', '<', '>', '=', '!', '~', '&', '|', '^', '@', '.' -> operators++;
            case ',', ':', ';' -> operators = 0;
            default -> {}
        }
        if (depth > DEEPEST || operators > MOST_OPERATORS) {
            throw at(line, "nests expressions without end");
        }
    }

    private void beginLine(int at, int line) throws ModuleArchive.Damage {
        int indent = 0;
        while (at + indent < source.length() && source.charAt(at + indent) == ' ') {
            indent++;
        }
        if (depth <= 0) {
            operators = 0;
            depth = 0;
            if (indent > 2 * DEEPEST) {
                throw at(line, "nests blocks without end");
            }
        }
    }
}

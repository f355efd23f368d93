package dev.sluice.runtime.network;

import dev.sluice.protocol.Tensor;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Deque;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The pickle in a TorchScript file, as data: which tensor an attribute is and where its elements lie. Nothing is called that it
 * names. It knows the instructions that {@code torch.jit.save} writes and refuses any others; libtorch believes such a
 * file's counts, so they are checked here ({@link #requireWithin}).
 */
final class ModulePickle {
    static final int LONGEST = 16 << 20;
    private static final int MOST_INSTRUCTIONS = 4_000_000;
    private static final int DEEPEST = 200;
    private static final Map<String, Integer> ELEMENT_BYTES = Map.ofEntries(
            Map.entry("FloatStorage", 4),
            Map.entry("DoubleStorage", 8),
            Map.entry("HalfStorage", 2),
            Map.entry("BFloat16Storage", 2),
            Map.entry("LongStorage", 8),
            Map.entry("IntStorage", 4),
            Map.entry("ShortStorage", 2),
            Map.entry("CharStorage", 1),
            Map.entry("ByteStorage", 1),
            Map.entry("BoolStorage", 1),
            Map.entry("ComplexHalfStorage", 4),
            Map.entry("ComplexFloatStorage", 8),
            Map.entry("ComplexDoubleStorage", 16),
            Map.entry("QInt8Storage", 1),
            Map.entry("QUInt8Storage", 1),
            Map.entry("QInt32Storage", 4),
            Map.entry("QUInt4x2Storage", 1),
            Map.entry("QUInt2x4Storage", 1),
            Map.entry("Float8_e5m2Storage", 1),
            Map.entry("Float8_e4m3fnStorage", 1),
            Map.entry("Float8_e5m2fnuzStorage", 1),
            Map.entry("Float8_e4m3fnuzStorage", 1),
            Map.entry("UInt16Storage", 2),
            Map.entry("UInt32Storage", 4),
            Map.entry("UInt64Storage", 8));

    /**
     * Elements in an entry of the archive.
     *
     * @param type such as {@code FloatStorage}
     * @param key the entry's name, {@code data/3}
     * @param elements in it
     */
    record Storage(String type, String key, long elements) {
        int elementBytes() {
            return ELEMENT_BYTES.get(type);
        }
    }

    /** A view of a storage. Two attributes that are the same object are one tensor. */
    static final class StoredTensor {
        private final Storage storage;
        private final long offset;
        private final long[] shape;
        private final long[] strides;

        private StoredTensor(Storage storage, long offset, long[] shape, long[] strides) {
            this.storage = storage;
            this.offset = offset;
            this.shape = shape;
            this.strides = strides;
        }

        Storage storage() {
            return storage;
        }

        /** In elements. */
        long offset() {
            return offset;
        }

        long[] shape() {
            return shape.clone();
        }

        /** One past its last element in the storage. */
        long end() {
            long last = offset;
            for (int i = 0; i < shape.length; i++) {
                if (shape[i] == 0) {
                    return offset;
                }
                last += (shape[i] - 1) * strides[i];
            }
            return last + 1;
        }

        /**
         * Writes float32 values over its elements.
         *
         * @param target a part of the storage, from this tensor's first element to its last
         */
        void overwrite(byte[] target, Tensor values) {
            if (!Arrays.equals(values.shape(), shape)) {
                throw new IllegalArgumentException("the parameter has the shape " + Arrays.toString(shape) + ", not "
                        + Arrays.toString(values.shape()));
            }
            ByteBuffer elements = ByteBuffer.wrap(target).order(ByteOrder.LITTLE_ENDIAN);
            if (isContiguous()) {
                values.write(elements);
                return;
            }
            int[] index = new int[shape.length];
            for (int i = 0; i < values.size(); i++) {
                long at = 0;
                for (int axis = 0; axis < shape.length; axis++) {
                    at += index[axis] * strides[axis];
                }
                elements.putFloat((int) at * Float.BYTES, values.floatAt(i));
                for (int axis = shape.length - 1; axis >= 0 && ++index[axis] == shape[axis]; axis--) {
                    index[axis] = 0;
                }
            }
        }

        /** Whether its elements lie one after another in the order of its axes. */
        boolean isContiguous() {
            long expected = 1;
            for (int i = shape.length - 1; i >= 0; i--) {
                if (shape[i] != 1 && strides[i] != expected) {
                    return false;
                }
                expected *= shape[i];
            }
            return true;
        }
    }

    private record Global(String module, String name) {}

    private record Flag(boolean value, int at) {}

    private record Tuple(List<Object> items) {}

    /** Keys that are texts; all values. */
    private static final class Dict {
        private final Map<String, Object> named = new LinkedHashMap<>();
        private final List<Object> values = new ArrayList<>();
    }

    /** An object of a class, with its attributes once they are known. */
    private static final class Instance {
        private final Object made;
        private Object state;

        Instance(Object made) {
            this.made = made;
        }
    }

    /** In place of a height, while what is inside is looked at. */
    private static final int ENTERED = -1;

    private static final Object MARK = new Object();
    private static final Object NONE = new Object();

    private final ByteBuffer in;
    private final String folder;
    private final Deque<Object> stack = new ArrayDeque<>();
    private final Map<Integer, Object> memo = new HashMap<>();
    private final Map<String, Storage> storages = new LinkedHashMap<>();
    private final List<Integer> trainingFlags = new ArrayList<>();
    private final Object root;

    private ModulePickle(byte[] pickle, String folder) throws ModuleArchive.Damage {
        this.in = ByteBuffer.wrap(pickle).order(ByteOrder.LITTLE_ENDIAN);
        this.folder = folder;
        this.root = run();
        requireShallow();
    }

    /**
     * @param folder of the storages, {@code data} or {@code constants}
     * @throws ModuleArchive.Damage when torch.jit.save cannot have written it
     */
    static ModulePickle read(byte[] pickle, String folder) throws ModuleArchive.Damage {
        try {
            return new ModulePickle(pickle, folder);
        } catch (BufferUnderflowException e) {
            throw new ModuleArchive.Damage("its " + folder + ".pkl ends in the middle");
        }
    }

    /** The tensor of a dotted path of attributes, {@code net.a.weight}; empty where there is none. */
    Optional<StoredTensor> tensor(String path) {
        Object at = root;
        for (String name : path.split("\\.")) {
            at = at instanceof Instance instance && instance.state instanceof Dict attributes
                    ? attributes.named.get(name)
                    : null;
        }
        return at instanceof StoredTensor tensor ? Optional.of(tensor) : Optional.empty();
    }

    Iterable<Storage> storages() {
        return storages.values();
    }

    /** Where the pickle says that a module is in training mode: offsets of an instruction that another byte turns off. */
    List<Integer> trainingFlags() {
        return trainingFlags;
    }

    /** The instruction that says "not in training mode". */
    static final byte FALSE = (byte) 0x89;

    /** Every storage must be there whole. */
    void requireWithin(ModuleArchive archive) throws ModuleArchive.Damage {
        for (Storage storage : storages.values()) {
            long bytes = storage.elements() * storage.elementBytes();
            Optional<ModuleArchive.Entry> entry = archive.find(storage.key());
            if (bytes > 0 && (entry.isEmpty() || entry.get().size() < bytes)) {
                throw new ModuleArchive.Damage(
                        "its tensors " + storage.key() + " should have " + bytes + " bytes, it has "
                                + entry.map(ModuleArchive.Entry::size).orElse(0L));
            }
        }
    }

    private Object run() throws ModuleArchive.Damage {
        for (int done = 0; done < MOST_INSTRUCTIONS; done++) {
            int at = in.position();
            int instruction = in.get() & 0xff;
            if (instruction == '.') {
                Object result = pop();
                if (!stack.isEmpty() || in.hasRemaining()) {
                    throw odd("does not end where it should");
                }
                return result;
            }
            execute(instruction, at);
        }
        throw odd("has more than " + MOST_INSTRUCTIONS + " instructions");
    }

    private void execute(int instruction, int at) throws ModuleArchive.Damage {
        switch (instruction) {
            case 0x80 -> in.get(); // PROTO
            case 'c' -> stack.push(global());
            case ')' -> stack.push(new Tuple(List.of()));
            case ']' -> stack.push(new ArrayList<>());
            case '}' -> stack.push(new Dict());
            case '(' -> stack.push(MARK);
            case 'N' -> stack.push(NONE);
            case 0x88 -> stack.push(new Flag(true, at));
            case 0x89 -> stack.push(new Flag(false, at));
            case 'K' -> stack.push((long) (in.get() & 0xff));
            case 'M' -> stack.push((long) (in.getShort() & 0xffff));
            case 'J' -> stack.push((long) in.getInt());
            case 0x8a -> stack.push(longer());
            case 'G' -> stack.push(in.order(ByteOrder.BIG_ENDIAN).getDouble());
            case 'X' -> stack.push(text(in.getInt()));
            case 'q' -> memo.put(in.get() & 0xff, top());
            case 'r' -> memo.put(in.getInt(), top());
            case 'h' -> stack.push(remembered(in.get() & 0xff));
            case 'j' -> stack.push(remembered(in.getInt()));
            case 't' -> stack.push(new Tuple(marked()));
            case 0x85 -> tuple(1);
            case 0x86 -> tuple(2);
            case 0x87 -> tuple(3);
            case 'l' -> stack.push(new ArrayList<>(marked()));
            case 'a' -> append(List.of(pop()));
            case 'e' -> append(marked());
            case 's' -> {
                Object value = pop();
                set(List.of(pop(), value));
            }
            case 'u' -> set(marked());
            case 'd' -> {
                List<Object> items = marked();
                stack.push(new Dict());
                set(items);
            }
            case 0x81 -> { // NEWOBJ
                pop();
                stack.push(new Instance(pop()));
            }
            case 'R' -> {
                Object arguments = pop();
                stack.push(reduced(pop(), arguments));
            }
            case 'b' -> build();
            case 'Q' -> stack.push(storage(pop()));
            default ->
                throw odd("holds the instruction 0x" + Integer.toHexString(instruction) + " at byte " + at
                        + ", which torch.jit.save does not write");
        }
        in.order(ByteOrder.LITTLE_ENDIAN);
    }

    private Global global() throws ModuleArchive.Damage {
        Global global = new Global(line(), line());
        ModuleCode.requireHarmlessClass(folder + ".pkl", global.module() + "." + global.name());
        return global;
    }

    private ModuleArchive.Damage odd(String what) {
        return new ModuleArchive.Damage("its " + folder + ".pkl " + what);
    }

    private Object pop() throws ModuleArchive.Damage {
        Object top = top();
        stack.pop();
        return top;
    }

    private Object top() throws ModuleArchive.Damage {
        Object top = stack.peek();
        if (top == null || top == MARK) {
            throw odd("takes what is not there at byte " + in.position());
        }
        return top;
    }

    private Object remembered(int key) throws ModuleArchive.Damage {
        Object value = memo.get(key);
        if (value == null) {
            throw odd("names an object that is not there at byte " + in.position());
        }
        return value;
    }

    private List<Object> marked() throws ModuleArchive.Damage {
        List<Object> items = new ArrayList<>();
        while (true) {
            Object item = stack.poll();
            if (item == null) {
                throw odd("takes what is not there at byte " + in.position());
            }
            if (item == MARK) {
                Collections.reverse(items);
                return items;
            }
            items.add(item);
        }
    }

    private void tuple(int n) throws ModuleArchive.Damage {
        Object[] items = new Object[n];
        for (int i = n - 1; i >= 0; i--) {
            items[i] = pop();
        }
        stack.push(new Tuple(Arrays.asList(items)));
    }

    private void append(List<Object> items) throws ModuleArchive.Damage {
        if (!(top() instanceof List<?>)) {
            throw odd("appends to what is no list at byte " + in.position());
        }
        @SuppressWarnings("unchecked")
        List<Object> list = (List<Object>) top();
        list.addAll(items);
    }

    private void set(List<Object> items) throws ModuleArchive.Damage {
        if (!(top() instanceof Dict dict) || items.size() % 2 != 0) {
            throw odd("sets items of what is no dictionary at byte " + in.position());
        }
        for (int i = 0; i < items.size(); i += 2) {
            dict.values.add(items.get(i));
            dict.values.add(items.get(i + 1));
            if (items.get(i) instanceof String name) {
                dict.named.put(name, items.get(i + 1));
            }
        }
    }

    private void build() throws ModuleArchive.Damage {
        Object state = pop();
        if (!(top() instanceof Instance instance)) {
            throw odd("gives attributes to what is no object at byte " + in.position());
        }
        instance.state = state;
        if (state instanceof Dict attributes
                && attributes.named.get("training") instanceof Flag training
                && training.value()) {
            trainingFlags.add(training.at());
        }
    }

    private String line() throws ModuleArchive.Damage {
        int from = in.position();
        while (in.get() != '\n') {
            if (in.position() - from > 4096) {
                throw odd("has a name without end at byte " + from);
            }
        }
        return new String(in.array(), from, in.position() - 1 - from, StandardCharsets.UTF_8);
    }

    private String text(int length) throws ModuleArchive.Damage {
        if (length < 0 || length > in.remaining()) {
            throw odd("has a text of " + Integer.toUnsignedString(length) + " bytes, more than there are");
        }
        String text = new String(in.array(), in.position(), length, StandardCharsets.UTF_8);
        in.position(in.position() + length);
        return text;
    }

    private long longer() throws ModuleArchive.Damage {
        int n = in.get() & 0xff;
        if (n > 8) {
            throw odd("has a number of " + n + " bytes");
        }
        long value = 0;
        for (int i = 0; i < n; i++) {
            long next = i == n - 1 ? in.get() : in.get() & 0xff;
            value |= next << 8 * i;
        }
        return value;
    }

    /** ('storage', type, key, device, elements). */
    private Storage storage(Object id) throws ModuleArchive.Damage {
        if (!(id instanceof Tuple tuple)
                || tuple.items().size() != 5
                || !"storage".equals(tuple.items().get(0))
                || !(tuple.items().get(1) instanceof Global type)
                || !(tuple.items().get(2) instanceof String key)
                || !(tuple.items().get(4) instanceof Long elements)) {
            throw odd("names something from outside that is no tensor at byte " + in.position());
        }
        Integer bytes = ELEMENT_BYTES.get(type.name());
        if (bytes == null) {
            throw odd("has a tensor of the unknown type " + ModuleArchive.quoted(type.name()));
        }
        if (elements < 0 || elements > Long.MAX_VALUE / 32) {
            throw odd("has a tensor of " + elements + " elements");
        }
        Storage storage = new Storage(type.name(), folder + "/" + key, elements);
        Storage other = storages.putIfAbsent(storage.key() + " " + storage.type() + " " + elements, storage);
        return other == null ? storage : other;
    }

    private Object reduced(Object callable, Object arguments) throws ModuleArchive.Damage {
        if (callable instanceof Global global
                && global.module().equals("torch._utils")
                && global.name().startsWith("_rebuild_")
                && arguments instanceof Tuple tuple
                && tuple.items().size() >= 4
                && tuple.items().get(0) instanceof Storage storage) {
            return tensor(storage, tuple.items());
        }
        // A list with its type, an enumeration, a device: what matters is what is inside.
        Instance instance = new Instance(callable);
        instance.state = arguments;
        return instance;
    }

    private StoredTensor tensor(Storage storage, List<Object> arguments) throws ModuleArchive.Damage {
        if (!(arguments.get(1) instanceof Long offset)
                || !(arguments.get(2) instanceof Tuple sizes)
                || !(arguments.get(3) instanceof Tuple steps)
                || sizes.items().size() != steps.items().size()) {
            throw odd("has a tensor without a shape at byte " + in.position());
        }
        long[] shape = numbers(sizes);
        long[] strides = numbers(steps);
        try {
            long last = offset;
            boolean empty = false;
            for (int i = 0; i < shape.length; i++) {
                empty |= shape[i] == 0;
                last = Math.addExact(last, Math.multiplyExact(Math.max(0, shape[i] - 1), strides[i]));
            }
            if (offset < 0 || !empty && last >= storage.elements()) {
                throw new ArithmeticException();
            }
        } catch (ArithmeticException e) {
            throw odd("has a tensor of shape " + Arrays.toString(shape) + " that does not fit into its "
                    + storage.elements() + " elements");
        }
        return new StoredTensor(storage, offset, shape, strides);
    }

    private long[] numbers(Tuple tuple) throws ModuleArchive.Damage {
        long[] numbers = new long[tuple.items().size()];
        for (int i = 0; i < numbers.length; i++) {
            if (numbers.length > 64 || !(tuple.items().get(i) instanceof Long n) || n < 0) {
                throw odd("has a tensor whose shape is not of numbers from 0 at byte " + in.position());
            }
            numbers[i] = n;
        }
        return numbers;
    }

    private record Visit(Object object, boolean leaving) {}

    /** libtorch walks objects by recursion, so what is nested without end would end the process. */
    private void requireShallow() throws ModuleArchive.Damage {
        Map<Object, Integer> heights = new IdentityHashMap<>();
        Deque<Visit> ahead = new ArrayDeque<>();
        ahead.push(new Visit(root, false));
        while (!ahead.isEmpty()) {
            Visit visit = ahead.pop();
            List<Object> children = children(visit.object());
            Integer known = heights.get(visit.object());
            if (visit.leaving()) {
                int height = 1;
                for (Object child : children) {
                    height = Math.max(height, 1 + heights.getOrDefault(child, 0));
                }
                if (height > DEEPEST) {
                    throw odd("nests objects more than " + DEEPEST + " deep");
                }
                heights.put(visit.object(), height);
            } else if (known != null && known == ENTERED) {
                throw odd("has an object that contains itself");
            } else if (known == null && !children.isEmpty()) {
                heights.put(visit.object(), ENTERED);
                ahead.push(new Visit(visit.object(), true));
                children.forEach(child -> ahead.push(new Visit(child, false)));
            }
        }
    }

    private static List<Object> children(Object object) {
        if (object instanceof Instance instance) {
            return instance.state == null ? List.of(instance.made) : List.of(instance.made, instance.state);
        }
        if (object instanceof Dict dict) {
            return dict.values;
        }
        if (object instanceof Tuple tuple) {
            return tuple.items();
        }
        if (object instanceof List<?> list) {
            return new ArrayList<>(list);
        }
        return List.of();
    }
}

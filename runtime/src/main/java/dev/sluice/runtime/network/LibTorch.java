package dev.sluice.runtime.network;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.engine.PtSymbolBlock;
import ai.djl.pytorch.jni.IValue;
import ai.djl.pytorch.jni.IValueUtils;
import ai.djl.pytorch.jni.JniUtils;
import ai.djl.util.cuda.CudaUtils;
import com.sun.management.OperatingSystemMXBean;
import dev.sluice.protocol.DType;
import dev.sluice.protocol.Tensor;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.List;

/**
 * The one place that reaches below DJL's public API, because that API's gradient collector is JVM-wide and a generator
 * and a critic train side by side (docs/engine.md).
 *
 * <p>libtorch keeps two modes per thread, whether to record gradients and whether to optimise graphs; every entry here
 * sets what it needs, so nothing depends on which thread calls. Graphs are never optimised: the profiling executor
 * specialises on the first calls of every shape and thread, which would make a result depend on how many calls came
 * before it.
 *
 * <p>Arrays belong to the manager that is passed or that they were made under; closing it frees them.
 */
final class LibTorch {
    private LibTorch() {}

    /** A manager for one network's long-lived arrays. The caller closes it. */
    static PtNDManager newManager(Device device) {
        EngineLoading.require();
        return (PtNDManager) NDManager.newBaseManager(device, "PyTorch");
    }

    /** The device named {@code cpu}, {@code gpu:0} …, refused when this machine does not have it. */
    static Device device(String name) {
        if (name.equals("cpu")) {
            return Device.cpu();
        }
        if (!name.matches("gpu(:\\d{1,3})?")) {
            throw new IllegalArgumentException("there is no device " + name + "; write cpu, gpu:0, gpu:1 ...");
        }
        int index = name.equals("gpu") ? 0 : Integer.parseInt(name.substring(4));
        EngineLoading.require();
        int offered = Engine.getEngine("PyTorch").getGpuCount();
        if (index >= offered) {
            throw new IllegalArgumentException("there is no device " + name + ": this machine offers libtorch "
                    + offered + " GPUs; use cpu, or a CUDA build of libtorch (docs/engine.md)");
        }
        return Device.gpu(index);
    }

    /** Memory of a device in all, bytes; 0 when that is not known. */
    static long memory(Device device) {
        if (device.isGpu()) {
            return CudaUtils.getGpuMemory(device).getMax();
        }
        return ManagementFactory.getOperatingSystemMXBean() instanceof OperatingSystemMXBean machine
                ? machine.getTotalMemorySize()
                : 0;
    }

    /**
     * Loads a module's file into {@code manager}, in evaluation mode: a module that was saved in training mode would drop units at
     * random and normalise by its batch. Whoever calls has looked the file through ({@link ModuleFile}).
     */
    static PtSymbolBlock load(PtNDManager manager, Path file) {
        PtSymbolBlock module =
                JniUtils.loadModule(manager, file.toAbsolutePath(), true, new String[0], new String[0], true);
        JniUtils.enableInferenceMode(module);
        return module;
    }

    /** Loads a module of our own making into {@code manager}. */
    static PtSymbolBlock load(PtNDManager manager, byte[] module) {
        try {
            // The last argument says that the stream does not begin with its own length: true would have libtorch take
            // the first eight bytes for one and read without end.
            long handle = JniUtils.loadModuleHandle(new ByteArrayInputStream(module), manager.getDevice(), true, false);
            return new PtSymbolBlock(manager, handle);
        } catch (IOException e) {
            throw new UncheckedIOException("reading from memory", e);
        }
    }

    /** The module as libtorch writes it, weights as they are now. */
    static byte[] write(PtSymbolBlock module) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        JniUtils.writeModule(module, bytes, false);
        return bytes.toByteArray();
    }

    /** The module's parameters, named; they live as long as {@code manager}. */
    static NDList parameters(PtSymbolBlock module, PtNDManager manager) {
        return JniUtils.moduleGetParams(module, manager);
    }

    /** Whether a parameter asks for gradients. */
    static boolean takesGradient(NDArray parameter) {
        return JniUtils.requiresGrad((PtNDArray) parameter);
    }

    /** {@code module.forward(inputs)}; the result belongs to the first input's manager. */
    static PtNDArray forward(PtSymbolBlock module, boolean keepGraph, PtNDArray... inputs) {
        JniUtils.setGradMode(keepGraph);
        JniUtils.setGraphExecutorOptimize(false);
        // training = true keeps libtorch's inference mode out: its tensors may never be trained on afterwards.
        return (PtNDArray) IValueUtils.forward(module, new NDList(inputs), true).get(0);
    }

    /** The type of what {@code module.forward(inputs)} returns, as TorchScript names it. */
    static String answerType(PtSymbolBlock module, PtNDArray... inputs) {
        JniUtils.setGradMode(false);
        JniUtils.setGraphExecutorOptimize(false);
        IValue[] arguments = new IValue[inputs.length];
        try {
            for (int i = 0; i < inputs.length; i++) {
                arguments[i] = IValue.from(inputs[i]);
            }
            try (IValue answer = IValueUtils.forward(module, arguments)) {
                return answer.getType();
            }
        } finally {
            for (IValue argument : arguments) {
                if (argument != null) {
                    argument.close();
                }
            }
        }
    }

    /** Adds gradientᵀ·∂output/∂(parameters and inputs that take gradients) and frees the graph. */
    static void backward(PtNDArray output, PtNDArray gradient) {
        JniUtils.setGradMode(true);
        JniUtils.backward(output, gradient, false, false);
    }

    /**
     * The parameters' gradients themselves, not copies; the handles belong to {@code manager}. A parameter that no
     * backward pass has reached yet has zeros.
     */
    static NDList gradients(NDList parameters, PtNDManager manager) {
        NDList gradients = new NDList();
        for (NDArray parameter : parameters) {
            NDArray gradient = parameter.getGradient();
            gradient.attach(manager);
            gradients.add(gradient);
        }
        return gradients;
    }

    /** Calls a method on lists of arrays and numbers without a graph; a double result, or 0 for none. */
    static double call(PtSymbolBlock module, String method, List<NDList> lists, double... numbers) {
        JniUtils.setGradMode(false);
        JniUtils.setGraphExecutorOptimize(false);
        IValue[] arguments = new IValue[lists.size() + (numbers.length > 0 ? 1 : 0)];
        try {
            for (int i = 0; i < lists.size(); i++) {
                arguments[i] = IValue.listFrom(
                        lists.get(i).stream().map(PtNDArray.class::cast).toArray(PtNDArray[]::new));
            }
            if (numbers.length > 0) {
                arguments[lists.size()] = IValue.listFrom(numbers);
            }
            try (IValue result = IValueUtils.runMethod(module, method, arguments)) {
                return result.isDouble() ? result.toDouble() : 0;
            }
        } finally {
            for (IValue argument : arguments) {
                if (argument != null) {
                    argument.close();
                }
            }
        }
    }

    /** Copies a host tensor to the manager's device; times become float32. */
    static PtNDArray toDevice(PtNDManager manager, Tensor tensor) {
        Shape shape = new Shape(tensor.shape());
        ByteBuffer bytes = manager.allocateDirect(tensor.size() * (tensor.dtype() == DType.INT64 ? 8 : 4));
        bytes.order(ByteOrder.nativeOrder());
        if (tensor.dtype() == DType.FLOAT64) {
            for (int i = 0; i < tensor.size(); i++) {
                bytes.putFloat((float) tensor.doubleAt(i));
            }
        } else {
            tensor.write(bytes);
        }
        bytes.flip();
        return manager.create(bytes, shape, tensor.dtype() == DType.INT64 ? DataType.INT64 : DataType.FLOAT32);
    }

    /** Copies a float32 array to the host. */
    static Tensor toHost(NDArray array) {
        if (array.getDataType() != DataType.FLOAT32) {
            throw new EngineException("expected float32 from the network, got " + array.getDataType());
        }
        return Tensor.owning(array.toFloatArray(), array.getShape().getShape());
    }
}

"""Models as files of other programs: Keras, TensorFlow, ONNX and LiteRT with decoded boxes."""

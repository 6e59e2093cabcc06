// ONNX Runtime collects usage data unless this is set before it is loaded. Modules that load it import this
// file first.

process.env['ORT_DISABLE_TELEMETRY'] ??= '1';

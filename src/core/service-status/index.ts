/**
 * `ServiceL2Status` and `ServiceBGPStatus` as far as they are alike: an object for each Service and node, with MetalLB's labels and fields.
 * What each says besides is in `core/layer2-status` and `core/bgp-status`, with the planners that decide which of them there are to be.
 */
export {};

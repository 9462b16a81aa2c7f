# SPDX-License-Identifier: Apache-2.0
"""The measure `sizes`: lengths of IP packets and of their payload."""
import moments

IP = ("minimumIpTotalLength", "maximumIpTotalLength", "ipTotalLengthMean",
      "ipTotalLengthStandardDeviation")
PAYLOAD = ("minimumPayloadLength", "maxPacketSize", "payloadLengthMean",
           "payloadLengthStandardDeviation")
COUNTS = ("octetDeltaSumOfSquares", "dataByteCount", "payloadSumOfSquares", "nonEmptyPacketCount",
          "firstNonEmptyPacketSize", "smallPacketCount", "largePacketCount")
BIFLOW_IP = ("biflowMinimumIpTotalLength", "biflowMaximumIpTotalLength", "biflowIpTotalLengthMean",
             "biflowIpTotalLengthStandardDeviation")
BIFLOW_PAYLOAD = ("biflowMinimumPayloadLength", "biflowMaximumPayloadLength",
                  "biflowPayloadLengthMean", "biflowPayloadLengthStandardDeviation")
FIELDS = [*moments.reversed_too([*IP, *PAYLOAD, *COUNTS]), *BIFLOW_IP, *BIFLOW_PAYLOAD]


def ip_lengths(packets):
    return [p.ip_bytes for p in packets]


def payload_lengths(packets):
    return [p.payload_bytes for p in packets if p.payload_bytes]


def one_way(packets):
    whole, carried = ip_lengths(packets), payload_lengths(packets)
    return {
        **moments.summary(whole, *IP), **moments.summary(carried, *PAYLOAD),
        "octetDeltaSumOfSquares": sum(length ** 2 for length in whole),
        "dataByteCount": sum(carried),
        "payloadSumOfSquares": sum(length ** 2 for length in carried),
        "nonEmptyPacketCount": len(carried),
        "firstNonEmptyPacketSize": carried[0] if carried else None,
        "smallPacketCount": sum(length < 60 for length in carried),
        "largePacketCount": sum(length > 225 for length in carried),
    }


def measure(flow):
    return {**moments.both_ways(flow, one_way),
            **moments.summary(ip_lengths(flow.packets), *BIFLOW_IP),
            **moments.summary(payload_lengths(flow.packets), *BIFLOW_PAYLOAD)}
